"""Tests of delivery: loudness target, true-peak ceiling, unchanged songs, errors."""

import math
import time

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.loudness import LoudnessMeter, loudness_lufs
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.effects import limiter
from ai_mixer.effects.limiter import Limiter
from ai_mixer.mastering import delivery
from ai_mixer.mastering.delivery import TARGETS_LUFS, deliver
from helpers.measures import residual_db, to_db
from helpers.music import finished_songs
from helpers.parameters import first_fast

RATE = 44_100


def drums(seed, seconds=4.0, rate=RATE):
    """[2, T]: kick, snare and hats with noise up to half the sample rate; peak 1."""
    rng = np.random.default_rng(seed)
    beat = round(rate * 15 / rng.uniform(80, 170))
    time_s = np.arange(rate // 2) / rate
    kick = np.sin(2 * np.pi * (50 * time_s + 5 * (1 - np.exp(-35 * time_s)))) * np.exp(-9 * time_s)
    x = np.zeros((2, round(seconds * rate) + rate // 2))
    for step, start in enumerate(range(0, x.shape[1] - rate // 2, beat)):
        hit = slice(start, start + rate // 2)
        noise = rng.standard_normal((2, rate // 2))
        x[:, hit] += 0.1 * noise * np.exp(-80 * time_s)
        x[:, hit] += {0: kick, 2: 0.4 * noise * np.exp(-20 * time_s)}.get(step % 4, 0.0)
    x = x[:, : -rate // 2]
    return torch.from_numpy(x / np.abs(x).max()).float()


def pad_sound(seconds=4.0, rate=RATE):
    """[2, T]: a steady quiet chord with a low crest factor."""
    time_s = torch.arange(round(seconds * rate)) / rate
    chord = sum(torch.sin(2 * math.pi * f * time_s) for f in (110.0, 138.6, 164.8, 880.0))
    return 0.03 * torch.stack([chord, chord.roll(40)])


def scipy_peak_db(x, oversample):
    """True peak by an independent interpolator."""
    return to_db(np.abs(resample_poly(x.double().numpy(), oversample, 1, axis=-1)).max())


def pyloudnorm_lufs(x, rate):
    return pyloudnorm.Meter(rate).integrated_loudness(x.double().numpy().T)


@pytest.mark.parametrize("target", first_fast([-23.0, -11.0, -16.0, -14.0], 2))
@pytest.mark.parametrize("song", [drums(0), drums(1), pad_sound()], ids=["drums", "beat", "pad"])
def test_target_and_ceiling_are_met(song, target):
    y, [report] = deliver(song, RATE, target)
    assert report.target_reached
    assert pyloudnorm_lufs(y, RATE) == pytest.approx(target, abs=0.1)
    assert report.loudness_lufs == pytest.approx(target, abs=0.03)
    assert scipy_peak_db(y, 4) <= -1.0
    assert scipy_peak_db(y, 16) <= -0.95
    assert report.true_peak_db == pytest.approx(to_db(true_peak(y[None])), abs=0.01)
    assert report.input_lufs == pytest.approx(pyloudnorm_lufs(song, RATE), abs=0.05)


@pytest.mark.parametrize("rate", [8000, 48_000, 96_000])
def test_mono_at_any_rate(rate):
    x = drums(2, 3.0, rate)[:1]
    y, [report] = deliver(x, rate, -18.0, ceiling_db=-2.0)
    assert y.shape == x.shape
    assert report.target_reached
    assert scipy_peak_db(y, 4) <= -2.0


@pytest.mark.parametrize(("name", "bounds_lufs"), TARGETS_LUFS.items())
def test_named_targets(name, bounds_lufs):
    low, high = bounds_lufs
    for level_db in (-12, 0):
        song = 10 ** (level_db / 20) * 8 * pad_sound()
        before = float(loudness_lufs(song[None], RATE))
        _, [report] = deliver(song, RATE, name)
        assert report.target_lufs == min(max(before, low), high)
        assert low - 0.03 <= report.loudness_lufs <= high + 0.03


def test_without_a_target_the_loudness_is_kept():
    song = 1.2 * drums(4)
    y, [report] = deliver(song, RATE)
    assert report.reduction_db > 1
    assert report.loudness_lufs == pytest.approx(report.input_lufs, abs=0.03)
    assert scipy_peak_db(y, 4) <= -1.0


def test_a_song_that_meets_the_target_is_unchanged_bit_for_bit():
    song = 0.5 * drums(3)
    assert torch.equal(deliver(song, RATE)[0], song)
    delivered, _ = deliver(2 * song, RATE, "streaming")
    assert torch.equal(deliver(delivered, RATE, "streaming")[0], delivered)
    assert torch.equal(deliver(2 * song, RATE, "streaming")[0], delivered)  # deterministic


def test_an_unreachable_target_is_limited_by_the_maximum_reduction():
    song = drums(4)
    y, [report] = deliver(song, RATE, -3.0)
    assert not report.target_reached
    assert report.reduction_db == pytest.approx(12.0, abs=0.02)
    assert report.loudness_lufs > report.input_lufs + 3
    assert scipy_peak_db(y, 4) <= -1.0
    _, [gentler] = deliver(song, RATE, -3.0, max_reduction_db=6.0)
    assert gentler.reduction_db == pytest.approx(6.0, abs=0.02)
    assert gentler.loudness_lufs < report.loudness_lufs


def test_below_the_ceiling_delivery_is_a_plain_gain():
    song = 0.1 * drums(5)
    y, [report] = deliver(song, RATE, -23.0)
    assert report.reduction_db == 0
    torch.testing.assert_close(y, song * 10 ** (report.gain_db / 20))


def test_silence_stays_silent():
    y, [report] = deliver(torch.zeros(2, RATE), RATE, -14.0)
    assert not y.any()
    assert not report.target_reached
    assert report.loudness_lufs == SILENCE_DB


def test_quiet_songs_near_the_absolute_gate_reach_the_target():
    """Their loudness does not change by the gain in dB."""
    song = torch.cat([2e-2 * pad_sound(), 1.2e-2 * pad_sound(), 0.8e-2 * pad_sound()], dim=-1)
    for target in (-40.0, -14.0):
        _, [report] = deliver(song, RATE, target)
        assert report.target_reached
    loud = 30 * song
    assert deliver(loud, RATE, -60.0)[1][0].loudness_lufs == pytest.approx(-60, abs=0.03)


@pytest.mark.parametrize("level_db", [-45, -60, -100])
def test_songs_below_the_gate_of_the_meter_are_no_silence(level_db):
    """At −45 dB the loudness is about −72 LUFS: BS.1770 measures nothing."""
    song = 10 ** (level_db / 20) * pad_sound()
    assert float(loudness_lufs(song[None], RATE)) == SILENCE_DB
    kept, [report] = deliver(song, RATE)
    assert torch.equal(kept, song)
    assert report.target_reached
    raised, [report] = deliver(song, RATE, -14.0)
    assert report.target_reached
    assert report.loudness_lufs == pytest.approx(-14.0, abs=0.03)
    scaled, _ = deliver(pad_sound(), RATE, -14.0)
    torch.testing.assert_close(raised, scaled, rtol=2e-3, atol=1e-4)


def test_a_target_below_60_lufs_is_met_without_the_gates():
    """Such a target is the loudness of another song, as `match` sets it."""
    song, quiet = drums(1), 1e-4 * pad_sound()
    meter = LoudnessMeter(RATE)
    meter.push(quiet[None])
    target_lufs = float(meter.mean_lufs())
    mix, report = delivery.deliver_blocks(lambda: [song], RATE, (target_lufs, target_lufs))
    assert target_lufs < -80
    assert report.target_reached
    meter = LoudnessMeter(RATE)
    for block in mix():
        meter.push(block[None])
    assert float(meter.mean_lufs()) == pytest.approx(target_lufs, abs=0.01)


@pytest.mark.parametrize("gain_db", [6.0, 18.0, 40.0])
def test_a_song_far_over_full_scale_is_turned_down_instead_of_limited(gain_db):
    song = drums(4)
    hot = 10 ** (gain_db / 20) * song
    y, [report] = deliver(hot, RATE)
    assert report.reduction_db == 0
    assert to_db(true_peak(y[None])) == pytest.approx(-1.3, abs=0.2)
    assert residual_db(y / y.abs().max(), song / song.abs().max()) < -100
    _, [asked] = deliver(hot, RATE, -3.0)  # asked for: limited by as much as before
    assert asked.reduction_db == pytest.approx(12.0, abs=0.02)


@pytest.mark.parametrize("length", [1, 50, 5000, 17_641])
def test_songs_of_any_length(length):
    y, _ = deliver(drums(6)[:, :length], RATE, -14.0)
    assert y.shape == (2, length)
    assert y.isfinite().all()


def test_a_batch_equals_its_songs_alone():
    songs = torch.stack([drums(7), 0.2 * drums(8), torch.zeros_like(drums(7)), pad_sound()])
    together, reports = deliver(songs, RATE, -15.0)
    for song, mix, report in zip(songs, together, reports, strict=True):
        alone, [own] = deliver(song, RATE, -15.0)
        assert torch.equal(mix, alone)
        assert report == own


def test_the_block_size_does_not_matter(monkeypatch):
    song = drums(9)
    whole, [report] = deliver(song, RATE, -12.0)
    monkeypatch.setattr(limiter, "BLOCK_SAMPLES", 10_000)
    monkeypatch.setattr(delivery, "BLOCK_SAMPLES", 777)
    cut, [same] = deliver(song, RATE, -12.0)
    torch.testing.assert_close(cut, whole, rtol=0, atol=1e-6)
    assert same[:-1] == pytest.approx(report[:-1], abs=1e-4)
    assert same[-1] == pytest.approx(report[-1], abs=0.011)


def test_invalid_arguments():
    song = drums(0)
    with pytest.raises(ValueError, match=r"target_lufs='loud': .*streaming"):
        deliver(song, RATE, "loud")
    with pytest.raises(ValueError, match=r"target_lufs=14: .*-60 to 0"):
        deliver(song, RATE, 14)
    with pytest.raises(ValueError, match="NaN or infinite"):
        deliver(song * math.nan, RATE)
    with pytest.raises(ValueError, match=r"audio .*\[3, 100\]"):
        deliver(torch.zeros(3, 100), RATE)
    with pytest.raises(ValueError, match=r"ceiling_db .*1"):
        deliver(song, RATE, ceiling_db=1.0)


def read_songs(count):
    for file in finished_songs(count):
        audio, rate = soundfile.read(file, dtype="float32", always_2d=True)
        yield torch.from_numpy(audio.T.copy()), rate


@pytest.mark.slow
@pytest.mark.music
def test_limiter_and_delivery_on_a_hundred_songs_with_ten_decibels_of_drive(capsys):
    """76 songs and 24 synthetic drum loops, measured by scipy's interpolator and pyloudnorm.

    A target is reachable with at most 12 dB of gain reduction; `target_reached` must agree.
    """
    songs = [*read_songs(76), *((drums(seed, 15.0), RATE) for seed in range(24))]
    rows = [measure(song, rate) for song, rate in songs]
    assert len(rows) == 100
    with capsys.disabled():
        print("\n" + table(rows))
    for stage in ("limiter", "delivery"):
        assert max(row[f"{stage} true peak 4x, dBTP"] for row in rows) <= -1.0
        assert max(row[f"{stage} true peak 16x, dBTP"] for row in rows) <= -0.95
    assert max(abs(row["LUFS error"]) for row in rows if row["reached"]) <= 0.1
    assert all(row["deepest reduction, dB"] > 11.9 for row in rows if not row["reached"])
    assert sum(row["reached"] for row in rows) >= 90
    assert max(row["deepest reduction, dB"] for row in rows) <= 12.02


def measure(song, rate):
    song = song / true_peak(song[None])
    drive = 10 ** (10 / 20)
    limited, limiter_speed = timed(song, rate, lambda: Limiter(-1.0)((drive * song)[None], rate)[0])
    # The loudness of the limited song as the target for the original: about 10 dB of gain.
    target = pyloudnorm_lufs(limited, rate)
    (mix, [report]), delivery_speed = timed(song, rate, lambda: deliver(song, rate, target))
    return {
        "limiter true peak 4x, dBTP": scipy_peak_db(limited, 4),
        "limiter true peak 16x, dBTP": scipy_peak_db(limited, 16),
        "delivery true peak 4x, dBTP": scipy_peak_db(mix, 4),
        "delivery true peak 16x, dBTP": scipy_peak_db(mix, 16),
        "LUFS error": pyloudnorm_lufs(mix, rate) - target,
        "deepest reduction, dB": report.reduction_db,
        "reached": report.target_reached,
        "limiter, times real time": limiter_speed,
        "delivery, times real time": delivery_speed,
    }


def timed(song, rate, function):
    """The result of a function, and seconds of audio per second of CPU time on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.process_time()
    result = function()
    elapsed_s = time.process_time() - start
    torch.set_num_threads(threads)
    return result, song.shape[-1] / rate / elapsed_s


def table(rows):
    lines = ["| figure | lowest | median | highest |", "|---|---|---|---|"]
    for name in rows[0]:
        low, middle, high = np.percentile([float(row[name]) for row in rows], [0, 50, 100])
        lines.append(f"| {name} | {low:.3f} | {middle:.3f} | {high:.3f} |")
    return "\n".join(lines)
