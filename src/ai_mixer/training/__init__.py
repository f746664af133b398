"""One training: from where it starts, by Lightning, in one process or several."""
