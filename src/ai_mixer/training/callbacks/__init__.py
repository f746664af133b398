"""Lightning callbacks: checkpoints, early stopping, seeds, plots and metrics."""
