"""One differentiable effect per file."""
