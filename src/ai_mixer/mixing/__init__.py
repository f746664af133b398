"""Python interface for users: mix, enhance, match and compare songs from file to file."""
