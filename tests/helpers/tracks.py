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


def save_track_model(folder, cfg):
    """Write the files of a model of several tracks with weights that turn faders and pans."""
    import torch
    from omegaconf import OmegaConf

    from ai_mixer.inference.builders import build_any_console, build_model
    from ai_mixer.tracking import save_model

    console = build_any_console(cfg)
    torch.manual_seed(0)
    model = build_model(cfg, console)
    for parameter in model.strip_head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    for head in model.strip_uncertainty.heads:  # certain, so that no knob is shrunk to neutral
        torch.nn.init.constant_(head.linear.bias, -4.0)
    others = console.layout.bus_knobs + len(console.layout.master)
    neutral = console.neutral(9).flat()[0]
    names = [knob.name in ("fader_db", "pan") for knob in console.layout.strip]
    card = {
        "config": OmegaConf.to_container(cfg, resolve=True),
        "knobs": [],
        "trained": ["fader_db", "pan"],
        "tracks": {"mean_knobs": neutral.tolist(), "trained": names * 9 + [False] * others},
    }
    assert len(neutral) == 9 * len(console.layout.strip) + others
    save_model(folder, model.state_dict(), card)


def track_batch(tracks, layout, samples=22_050, condition="blind", seed=0):
    """A batch of one song of noise, with the knobs of a layout."""
    import torch

    from ai_mixer.core.track_batch import TrackBatch
    from ai_mixer.core.types import CONDITIONS

    size = tracks * len(layout.strip) + layout.bus_knobs + len(layout.master)
    generator = torch.Generator().manual_seed(seed)
    audio = 0.03 * torch.randn(1, tracks, 2, samples, generator=generator)
    return TrackBatch(
        rough=audio.sum(1),
        finished=audio.sum(1),
        reference=torch.zeros(1, 2, samples) if condition == "blind" else audio.sum(1),
        condition=torch.tensor([CONDITIONS.index(condition)]),
        knobs=torch.full((1, size), 0.5),
        mask=torch.ones(1, size, dtype=torch.bool),
        genre=torch.tensor([-1]),
        sample_rate=RATE,
        song_id=["noise"],
        tracks=audio,
        track_mask=torch.ones(1, tracks, dtype=torch.bool),
        roles=torch.full((1, tracks), -1),
        raw_gain_db=torch.zeros(1, tracks),
    )
