"""Models: (rough, reference, condition) → knob positions. One file, one config, one idea each."""
