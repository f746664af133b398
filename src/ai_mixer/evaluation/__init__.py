"""What is measured of every system on every excerpt, and what follows from it."""
