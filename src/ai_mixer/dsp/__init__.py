"""Signal processing on tensors: filters, dynamics, loudness, spectra; kernels for streaming."""
