"""Types and units that every package shares."""
