"""Inference with trained models: prediction, refinement, knob fitting, pretrained models."""
