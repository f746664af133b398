"""Baselines and bounds that a model is compared with: each turns the same rough into a mix."""
