"""Training with Lightning: system, callbacks, resume, fine-tuning, cross-validation, ensembling."""
