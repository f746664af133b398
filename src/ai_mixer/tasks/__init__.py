"""How rough, finished and true knobs are made from songs."""
