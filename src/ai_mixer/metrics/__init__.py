"""Protocols K and A in true units: errors per example, statistics over songs, tables."""
