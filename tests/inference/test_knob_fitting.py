"""fit: known knobs are found again, from the sound alone."""

import os

import numpy as np
import pytest
import torch

from ai_mixer import fit_knobs, load_console
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.folder import Folder
from ai_mixer.metrics.knob_skill import HEADLINE_KNOBS, knob_errors
from ai_mixer.tasks.restore import Restore

RATE = 24000  # the high shelf needs some room below Nyquist
WIDE = load_console("classic", ranges="wide")


def song(seed=0, seconds=2.5, rate=RATE):
    """[C, T]: bursts of wide noise at very different levels, so that the compressor has to move."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    noise = rng.standard_normal((2, len(time)))
    mono = rng.standard_normal(len(time))
    hits = np.exp(-(time % 0.25) / 0.08) * (0.1 + 0.9 * ((time / 0.25).astype(int) % 3 == 0))
    return torch.from_numpy(0.2 * hits * (0.4 * noise + mono)).float()


def moved(**settings):
    return WIDE.knobs_from(settings)


SETTINGS = {
    "input_gain": 1.6,
    "compressor_ratio": 2.5,
    "low_eq": 3.0,
    "mid_eq": -2.0,
    "high_eq": -4.0,
    "presence": 1.3,
    "delay": 0.1,
    "reverb": 0.2,
    "stereo_width": 0.7,
    "output_level": 0.8,
}


def test_all_ten_knobs_are_found():
    rough, knobs = song(), moved(**SETTINGS)
    finished = WIDE(rough[None], RATE, knobs)[0]
    found = fit_knobs(rough, finished, WIDE, RATE)
    assert (found.knobs - knobs).abs().max() < 0.005
    assert found.error_db < 0.02


def test_the_same_song_needs_nothing():
    found = fit_knobs(song(), song(), WIDE, RATE)
    audible = found.knobs - WIDE.neutral
    assert audible.abs().max() < 0.01


def test_a_batch_is_its_songs():
    roughs = torch.stack([song(1, 1.5), song(2, 1.5)])
    knobs = torch.cat([moved(**SETTINGS), moved(compressor_ratio=2.0, stereo_width=1.5)])
    finished = WIDE(roughs, RATE, knobs)
    together = fit_knobs(roughs, finished, WIDE, RATE).knobs
    alone = torch.cat(
        [fit_knobs(r, f, WIDE, RATE).knobs for r, f in zip(roughs, finished, strict=True)]
    )
    assert (together - alone).abs().max() < 1e-4
    assert (together - knobs).abs().max() < 0.005


def test_a_prediction_to_begin_with_saves_work(monkeypatch):
    rough, knobs = song(), moved(**SETTINGS)
    finished = WIDE(rough[None], RATE, knobs)[0]
    renders = []
    forward = type(WIDE).forward

    def counted(console, audio, *args, **options):
        renders.append(len(audio))
        return forward(console, audio, *args, **options)

    monkeypatch.setattr(type(WIDE), "forward", counted)
    cold = fit_knobs(rough, finished, WIDE, RATE)
    from_neutral = sum(renders)
    renders.clear()
    warm = fit_knobs(rough, finished, WIDE, RATE, start=(knobs + 0.02).clamp(0, 1))
    assert sum(renders) < from_neutral
    assert (warm.knobs - cold.knobs).abs().max() < 0.005


def test_another_engineers_sound_is_approached():
    """A finished version that no knob explains: the mix comes nearer, and knobs stay in range."""
    rough = song(seconds=1.2)
    tilt = torch.linspace(1.5, 0.3, rough.shape[-1] // 2 + 1)
    finished = torch.fft.irfft(torch.fft.rfft(rough) * tilt)
    finished = torch.tanh(2 * finished) / 2
    found = fit_knobs(rough, finished, WIDE, RATE)
    left = fit_knobs(rough, rough, WIDE, RATE)
    assert ((found.knobs >= 0) & (found.knobs <= 1)).all()
    assert left.error_db < 0.02 < found.error_db < 3
    settings = WIDE.settings(found.knobs)[0]
    assert settings["high_eq"] < -1


@pytest.mark.parametrize("silent", ["rough", "finished", "both"])
def test_silence_ends_well(silent):
    rough, finished = (
        song(seconds=1.0) * (silent not in (name, "both")) for name in ("rough", "finished")
    )
    found = fit_knobs(rough, finished, WIDE, RATE)
    assert found.knobs.isfinite().all()
    assert ((found.knobs >= 0) & (found.knobs <= 1)).all()


def test_what_does_not_fit_together_is_named():
    with pytest.raises(ValueError, match=r"same excerpts.*\[1, 2, 60000\] and \[1, 2, 48000\]"):
        fit_knobs(song(), song(seconds=2.0), WIDE, RATE)
    with pytest.raises(ValueError, match="1 s or longer"):
        fit_knobs(song(seconds=0.5), song(seconds=0.5), WIDE, RATE)
    with pytest.raises(ValueError, match=r"start must be \[1, 10\], got \[2, 10\]"):
        fit_knobs(song(), song(), WIDE, RATE, start=WIDE.neutral.expand(2, -1))


@pytest.mark.slow
@pytest.mark.music
@pytest.mark.skipif(not os.environ.get("AI_MIXER_MUSIC"), reason="AI_MIXER_MUSIC names no music")
def test_real_music_gives_its_knobs_back(capsys):
    """Protocol K on real training songs with known knobs: headline error at most 0.02."""
    songs = [song for song in Folder().songs() if song.split == "train"]
    errors = []
    for number in range(12):
        chosen, rng = songs[(number * 7) % len(songs)], np.random.default_rng(number)
        start_s = rng.uniform(0, max(0, chosen.duration_s - 10))
        excerpt = read_excerpt(chosen.path, start_s, min(10, chosen.duration_s), 44100)
        example = Restore(WIDE, "paired")(
            excerpt, excerpt.clone, dry=number % 2 == 1, sample_rate=44100, rng=rng
        )
        found = fit_knobs(example.rough, example.finished, WIDE, 44100)
        record = knob_errors(WIDE.knobs, found.knobs, example.knobs[None], example.mask[None])
        errors.append(np.nanmean([float(record[f"error/{name}"]) for name in HEADLINE_KNOBS]))
    with capsys.disabled():
        print(f"headline error: mean {np.mean(errors):.5f}, worst {max(errors):.5f}")
    assert np.mean(errors) <= 0.02
