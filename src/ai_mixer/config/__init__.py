"""Hydra configs: where they are, what they may name, how overrides are read and checked."""
