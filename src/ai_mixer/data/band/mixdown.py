"""The mixing engineer: stems in, the dry and the finished mix out, by the genre's conventions.

Channel: high-pass, bells, compressor, ducking, width and pan, level by loudness. Two sends: room
and echo. Bus: tone, glue compression, drive, loudness, true-peak limiter.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ai_mixer.data.band import dsp
from ai_mixer.data.band.composer_style import Taste
from ai_mixer.data.band.conventions import CONVENTIONS, OFF_DB, Convention, Strip
from ai_mixer.data.band.dsp import Audio

CEILING_DBTP = -1.2  # FLAC's 16 bits and other meters' interpolation need the last 0.2 dB
CHANNEL_LUFS = -24.0
FADE_OUT_S = 0.4
LOUDNESS_ROUNDS = 5


class Mix(NamedTuple):
    """dry: sends muted, otherwise the same desk and the same gain. finished: the master."""

    dry: Audio
    finished: Audio


def mix(
    stems: Mapping[str, Audio],
    sample_rate: int,
    genre: str,
    taste: Taste,
    bpm: float,
    rng: np.random.Generator,
) -> Mix:
    """Mix and master. stems: [2, T] each, at one common gain. Returns [2, T] each."""
    habits = CONVENTIONS[genre]
    kick = dsp.low_pass(stems["drums"], sample_rate, 120.0, order=2)
    channels = {
        name: _channel(stems[name], kick, sample_rate, strip, taste, name)
        for name, strip in habits.strips.items()
    }
    dry = np.sum(list(channels.values()), axis=0)
    wet = dry + _sends(channels, sample_rate, habits, taste, bpm, rng)
    buses = [_bus(x, sample_rate, habits, taste) for x in (dry, wet)]
    peaks = [dsp.peaks_between(x) for x in buses]
    gain = _master_gain(buses[1], peaks[1], sample_rate, habits.loudness_lufs + taste.loudness_db)
    ceiling = dsp.ratio(CEILING_DBTP)
    masters = [
        dsp.limit(gain * x, gain * peak, sample_rate, ceiling)
        for x, peak in zip(buses, peaks, strict=True)
    ]
    return Mix(*(_fade(x, sample_rate) for x in masters))


def _channel(x: Audio, kick: Audio, rate: int, strip: Strip, taste: Taste, name: str) -> Audio:
    """One strip of the desk, faders included."""
    y = dsp.equalise(x, rate, strip.high_pass_hz, strip.bells)
    squeeze = strip.squeeze
    slope = 1.0 - 1.0 / squeeze.ratio
    y = dsp.compress(y, rate, squeeze.depth_db, slope, squeeze.attack_ms, squeeze.release_ms)
    if strip.duck_db > 0.0:
        y = dsp.compress(y, rate, 12.0, 1.0, 2.0, 140.0, key=kick, most_db=strip.duck_db)
    if strip.double_db > OFF_DB:
        y = dsp.double(y, rate, strip.double_db)
    y = dsp.widen(y, strip.width * taste.width, strip.pan)
    level = CHANNEL_LUFS + strip.level_lu + taste.levels_db[name]
    return y * dsp.ratio(level - max(dsp.loudness_lufs(y, rate), -60.0))


def _sends(
    channels: Mapping[str, Audio],
    rate: int,
    habits: Convention,
    taste: Taste,
    bpm: float,
    rng: np.random.Generator,
) -> Audio:
    """What comes back from the room and the echo."""
    to_room = np.zeros_like(channels["drums"])
    to_echo = np.zeros_like(to_room)
    for name, strip in habits.strips.items():
        to_room += dsp.ratio(strip.reverb_db + taste.sends_db) * channels[name]
        to_echo += dsp.ratio(strip.delay_db + taste.sends_db) * channels[name]
    room, repeats = habits.room, habits.echo
    response = dsp.room_response(
        rng, rate, room.decay_s * taste.decay, room.predelay_ms, room.high_decay
    )
    time_s = repeats.beats * 60.0 / bpm
    echoes = dsp.echo(to_echo, rate, time_s, repeats.fade_db, repeats.high_cut_hz)
    return dsp.convolve(to_room + 0.3 * echoes, response) + echoes


def _bus(x: Audio, rate: int, habits: Convention, taste: Taste) -> Audio:
    """Tone, glue and drive of the sum."""
    y = dsp.tilt(x, rate, habits.low_db + taste.warm_db, habits.high_db + taste.bright_db)
    glue = habits.glue
    slope = 1.0 - 1.0 / glue.ratio
    y = dsp.compress(y, rate, glue.depth_db, slope, glue.attack_ms, glue.release_ms, most_db=4.0)
    return dsp.drive(y, habits.drive)


def _master_gain(x: Audio, peaks: Audio, rate: int, target_lufs: float) -> float:
    """The gain in front of the limiter that ends at the target loudness."""
    gain, ceiling = 1.0, dsp.ratio(CEILING_DBTP)
    for _ in range(LOUDNESS_ROUNDS):
        loudness = dsp.loudness_lufs(dsp.limit(gain * x, gain * peaks, rate, ceiling), rate)
        gain *= dsp.ratio(float(np.clip(target_lufs - loudness, -40.0, 40.0)))
        if abs(target_lufs - loudness) < 0.1:
            break
    return gain


def _fade(x: Audio, rate: int) -> Audio:
    """The end of the tape."""
    count = min(int(FADE_OUT_S * rate), x.shape[1])
    y = x.copy()
    y[:, -count:] *= np.cos(np.linspace(0.0, np.pi / 2.0, count)) ** 2
    return y
