"""What several tests use: measures, and real music."""
