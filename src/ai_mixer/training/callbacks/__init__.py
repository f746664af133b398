"""What happens beside the batches: Lightning's callbacks of our own."""
