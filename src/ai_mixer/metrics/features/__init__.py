"""Audio features of a song: one family per file, each a function of audio and sample rate."""
