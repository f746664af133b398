"""Delivery of a mix: loudness target and true-peak ceiling."""
