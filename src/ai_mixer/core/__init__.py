"""Types and units that all packages share."""
