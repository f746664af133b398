"""The command line: words in, a stage run, a mistake answered in one line."""
