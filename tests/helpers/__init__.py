"""What several tests use: signals, measures, and real music."""
