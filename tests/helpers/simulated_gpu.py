"""Run kernels of `ai_mixer.dsp.gpu` on numba's CUDA simulator: cases.pt results.pt."""

import sys

import torch

from ai_mixer.dsp import gpu

if __name__ == "__main__":
    cases = torch.load(sys.argv[1], weights_only=True)
    torch.save([getattr(gpu, name)(*arguments) for name, arguments in cases], sys.argv[2])
