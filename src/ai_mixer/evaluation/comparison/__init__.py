"""Comparison of runs on the same held-out songs: runs, songs, scores and differences."""
