"""fit_knobs: recovers known knobs from rough and finished audio."""

import os

import numpy as np
import pytest
import torch

from ai_mixer import fit_knobs, load_console
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.folder import Folder
from ai_mixer.metrics.knob_skill import headline_knobs, knob_errors
from ai_mixer.tasks.restore import Restore

RATE = 24000  # leaves room for the high shelf below Nyquist
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
CLASSIC = load_console("classic", ranges="wide")
WIDE, _ = CLASSIC.without_neutral(CLASSIC.knobs_from(SETTINGS))  # these knobs only


def song(seed=0, seconds=2.5, rate=RATE):
    """Bursts of wide noise at very different levels, so that the compressor works: [C, T]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    noise = rng.standard_normal((2, len(time)))
    mono = rng.standard_normal(len(time))
    hits = np.exp(-(time % 0.25) / 0.08) * (0.1 + 0.9 * ((time / 0.25).astype(int) % 3 == 0))
    return torch.from_numpy(0.2 * hits * (0.4 * noise + mono)).float()


def knobs_of(**settings):
    return WIDE.knobs_from(settings)


def test_all_ten_knobs_are_recovered():
    rough, knobs = song(), knobs_of(**SETTINGS)
    finished = WIDE(rough[None], RATE, knobs)[0]
    fit = fit_knobs(rough, finished, WIDE, RATE)
    assert (fit.knobs - knobs).abs().max() < 0.005
    assert fit.error_db < 0.02


def test_knobs_of_identical_audio_are_neutral():
    fit = fit_knobs(song(), song(), WIDE, RATE)
    assert (fit.knobs - WIDE.neutral).abs().max() < 0.01


@pytest.mark.slow
def test_batch_equals_single_songs():
    roughs = torch.stack([song(1, 1.5), song(2, 1.5)])
    knobs = torch.cat([knobs_of(**SETTINGS), knobs_of(compressor_ratio=2.0, stereo_width=1.5)])
    finished = WIDE(roughs, RATE, knobs)
    together = fit_knobs(roughs, finished, WIDE, RATE).knobs
    pairs = zip(roughs, finished, strict=True)
    single = torch.cat([fit_knobs(*pair, WIDE, RATE).knobs for pair in pairs])
    assert (together - single).abs().max() < 1e-4
    assert (together - knobs).abs().max() < 0.005


@pytest.mark.slow
def test_a_good_start_point_needs_fewer_renders(monkeypatch):
    rough, knobs = song(), knobs_of(**SETTINGS)
    finished = WIDE(rough[None], RATE, knobs)[0]
    renders = []
    forward = type(WIDE).forward

    def counted(console, audio, *args, **options):
        renders.append(len(audio))
        return forward(console, audio, *args, **options)

    monkeypatch.setattr(type(WIDE), "forward", counted)
    default = fit_knobs(rough, finished, WIDE, RATE)
    renders_from_neutral = sum(renders)
    renders.clear()
    started = fit_knobs(rough, finished, WIDE, RATE, start=(knobs + 0.02).clamp(0, 1))
    assert sum(renders) < renders_from_neutral
    assert (started.knobs - default.knobs).abs().max() < 0.005


@pytest.mark.slow
def test_audio_outside_the_console_is_approximated():
    """A finished version that no knobs produce: the difference is small, and knobs are in range."""
    rough = song(seconds=1.2)
    tilt = torch.linspace(1.5, 0.3, rough.shape[-1] // 2 + 1)
    finished = torch.fft.irfft(torch.fft.rfft(rough) * tilt)
    finished = torch.tanh(2 * finished) / 2
    fit = fit_knobs(rough, finished, WIDE, RATE)
    identical = fit_knobs(rough, rough, WIDE, RATE)
    assert ((fit.knobs >= 0) & (fit.knobs <= 1)).all()
    assert identical.error_db < 0.02 < fit.error_db < 3
    settings = WIDE.settings(fit.knobs)[0]
    assert settings["high_eq"] < -1


@pytest.mark.parametrize("silent", ["rough", "finished", "both"])
def test_fit_of_silence_is_finite_and_in_range(silent):
    rough, finished = (
        song(seconds=1.0) * (silent not in (name, "both")) for name in ("rough", "finished")
    )
    fit = fit_knobs(rough, finished, WIDE, RATE)
    assert fit.knobs.isfinite().all()
    assert ((fit.knobs >= 0) & (fit.knobs <= 1)).all()


def test_wrong_shapes_are_errors():
    with pytest.raises(ValueError, match=r"\[1, 2, 60000\] and \[1, 2, 48000\]"):
        fit_knobs(song(), song(seconds=2.0), WIDE, RATE)
    with pytest.raises(ValueError, match="1 s or longer"):
        fit_knobs(song(seconds=0.5), song(seconds=0.5), WIDE, RATE)
    with pytest.raises(ValueError, match=r"start.*\[1, 10\].*\[2, 10\]"):
        fit_knobs(song(), song(), WIDE, RATE, start=WIDE.neutral.expand(2, -1))


@pytest.mark.slow
@pytest.mark.music
@pytest.mark.skipif(not os.environ.get("AI_MIXER_MUSIC"), reason="AI_MIXER_MUSIC names no music")
def test_known_knobs_of_real_music_are_recovered(capsys):
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
        fit = fit_knobs(example.rough, example.finished, WIDE, 44100)
        names = headline_knobs([*WIDE.names, "total_gain"])
        record = knob_errors(WIDE.knobs, fit.knobs, example.knobs[None], example.mask[None])
        errors.append(np.nanmean([float(record[f"error/{name}"]) for name in names]))
    with capsys.disabled():
        print(f"headline error: mean {np.mean(errors):.5f}, worst {max(errors):.5f}")
    assert np.mean(errors) <= 0.02
