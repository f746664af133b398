"""Small multitrack songs in the layouts that `data.tracks` reads."""

import math

import numpy as np
import soundfile

RATE = 44_100
NAMES = ("kick", "bass", "vox", "gtr_left")


def track(number, seconds=3.0, pan=0.0, channels=2, rate=RATE):
    """[T, C]: a decaying tone with noise, mono and panned with constant power."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 55 * 2 ** (number % 5) * time) + 0.3 * rng.standard_normal(len(time))
    mono = 0.2 * tone * (0.3 + np.exp(-(time % 0.5) / 0.1))
    angle = (pan + 1) * math.pi / 4
    gains = np.array([math.cos(angle), math.sin(angle)]) * math.sqrt(2)
    return mono[:, None] * gains if channels == 2 else mono[:, None]


def write(file, number=0, **options):
    file.parent.mkdir(parents=True, exist_ok=True)
    rate = options.get("rate", RATE)
    soundfile.write(file, track(number, **options), rate, subtype="PCM_16")
    return file


def write_songs(root, songs=6, tracks=4, seconds=3.0):
    """Songs of different artists: `artist n/song n/<name>.wav`."""
    for song in range(songs):
        folder = root / f"artist {song}" / f"song {song}"
        for number, name in enumerate(NAMES[:tracks]):
            pan = (number - 1.5) / 3
            write(folder / f"{name}.wav", 10 * song + number, seconds=seconds, pan=pan)
    return root
