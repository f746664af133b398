"""Pure functions on tensors: filters, envelopes, loudness, spectra. No knobs, no state."""
