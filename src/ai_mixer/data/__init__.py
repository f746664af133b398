"""Songs on disk, and how they become batches."""
