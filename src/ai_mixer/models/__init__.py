"""Models: (rough, reference, condition) → knob positions. One file and one config per model."""
