"""Song collections, splits, datasets and data modules."""
