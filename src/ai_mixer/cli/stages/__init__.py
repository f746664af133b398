"""The stages: what make runs, one command each, composed from one page of configs/ each."""
