"""Numbers that describe a song: one family a file, each a function of audio and sample rate."""
