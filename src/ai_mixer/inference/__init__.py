"""Trained models in use: prediction, refinement, knob fitting, pretrained models."""
