"""Stems of a mix: decaying noise, panned or stereo."""

import math

import numpy as np
import torch

RATE = 44_100
PANS = (0.0, -0.6, 0.35, -1.0, None)  # None: stereo
LEVELS_DB = (-14, -20, -26, -22, -18)


def stem(seed, pan=None, seconds=1.0, level_db=-20.0):
    """Decaying noise; mono and panned by the law of constant power, or stereo."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-6 * (np.arange(int(seconds * RATE)) % 11_025) / 11_025)
    noise = rng.normal(size=(2, len(decay))) * decay * 10 ** (level_db / 20)
    audio = torch.from_numpy(noise).float()
    if pan is None:
        return audio
    angle = (pan + 1) * math.pi / 4
    return audio[:1] * torch.tensor([[math.cos(angle)], [math.sin(angle)]]) * math.sqrt(2)


def stems(seed=0, seconds=1.0):
    """Five stems: three mono ones with their pan, one hard left, and a stereo one."""
    numbered = enumerate(zip(PANS, LEVELS_DB, strict=True))
    return torch.stack([stem(100 * seed + n, p, seconds, v) for n, (p, v) in numbered])
