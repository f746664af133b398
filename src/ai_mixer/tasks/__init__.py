"""Tasks: creation of training examples (rough, finished, knobs) from songs."""
