"""Delivery of a mix: loudness targets under a true-peak ceiling."""
