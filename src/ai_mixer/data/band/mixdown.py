"""Mix and master stems by the genre's conventions.

Channel: high-pass, bells, compressor, ducking, width and pan, level by loudness. Sends: reverb and
delay. Bus: shelves, compressor, saturation, loudness, true-peak limiter.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ai_mixer.data.band import dsp
from ai_mixer.data.band.composer_style import ComposerStyle
from ai_mixer.data.band.conventions import CONVENTIONS, OFF_DB, MixConvention, Strip
from ai_mixer.data.band.dsp import Audio

CEILING_DBTP = -1.2  # 0.2 dB of margin for 16-bit rounding and the interpolation of other meters
CHANNEL_LUFS = -24.0
FADE_OUT_S = 0.4
MAX_LOUDNESS_ITERATIONS = 5


class Mixdown(NamedTuple):
    """finished: the master. dry: the same without reverb and delay, at the same gain."""

    dry: Audio
    finished: Audio


def mix_stems(
    stems: Mapping[str, Audio],
    sample_rate: int,
    genre: str,
    composer_style: ComposerStyle,
    bpm: float,
    rng: np.random.Generator,
) -> Mixdown:
    """Mix and master stems, [2, T] each, scaled by one common gain. Returns [2, T] each."""
    convention = CONVENTIONS[genre]
    kick = dsp.low_pass(stems["drums"], sample_rate, 120.0, order=2)
    channels = {
        name: _channel(stems[name], kick, sample_rate, strip, composer_style, name)
        for name, strip in convention.strips.items()
    }
    dry = np.sum(list(channels.values()), axis=0)
    wet = dry + _sends(channels, sample_rate, convention, composer_style, bpm, rng)
    buses = [_bus(x, sample_rate, convention, composer_style) for x in (dry, wet)]
    peaks = [dsp.inter_sample_peaks(x) for x in buses]
    target_lufs = convention.loudness_lufs + composer_style.loudness_db
    gain = _master_gain(buses[1], peaks[1], sample_rate, target_lufs)
    ceiling = dsp.db_to_ratio(CEILING_DBTP)
    masters = [
        dsp.limit(gain * x, gain * peak, sample_rate, ceiling)
        for x, peak in zip(buses, peaks, strict=True)
    ]
    return Mixdown(*(_fade_out(x, sample_rate) for x in masters))


def mix_tracks(
    tracks: Mapping[str, Sequence[Audio]],
    sample_rate: int,
    genre: str,
    composer_style: ComposerStyle,
) -> dict[str, list[Audio]]:
    """Process the instruments of each channel alone, without reverb and delay: [2, T] each.

    tracks: channel → its instruments. Their sum is a dry mix by the same conventions as `mix_stems`
    has: the instruments of a channel keep their balance, and the channel has its level.
    """
    convention = CONVENTIONS[genre]
    kick = dsp.low_pass(np.sum(tracks["drums"], axis=0), sample_rate, 120.0, order=2)
    mixed = {}
    for name, strip in convention.strips.items():
        own = [_process(x, kick, sample_rate, strip, composer_style) for x in tracks[name]]
        gain = _level(np.sum(own, axis=0), sample_rate, strip, composer_style, name)
        mixed[name] = [gain * y for y in own]
    return mixed


def _channel(
    x: Audio, kick: Audio, rate: int, strip: Strip, composer_style: ComposerStyle, name: str
) -> Audio:
    """Process one channel, and bring it to its level."""
    y = _process(x, kick, rate, strip, composer_style)
    return y * _level(y, rate, strip, composer_style, name)


def _process(
    x: Audio, kick: Audio, rate: int, strip: Strip, composer_style: ComposerStyle
) -> Audio:
    """Tone, dynamics and width of one channel."""
    y = dsp.equalise(x, rate, strip.high_pass_hz, strip.bells)
    compressor = strip.compressor
    slope = 1.0 - 1.0 / compressor.ratio
    y = dsp.compress(
        y, rate, compressor.depth_db, slope, compressor.attack_ms, compressor.release_ms
    )
    if strip.duck_db > 0.0:
        y = dsp.compress(y, rate, 12.0, 1.0, 2.0, 140.0, key=kick, max_reduction_db=strip.duck_db)
    if strip.doubler_db > OFF_DB:
        y = dsp.doubler(y, rate, strip.doubler_db)
    return dsp.widen(y, strip.width * composer_style.width, strip.pan)


def _level(y: Audio, rate: int, strip: Strip, composer_style: ComposerStyle, name: str) -> float:
    """Gain that brings a processed channel to its level in the mix."""
    target_lufs = CHANNEL_LUFS + strip.level_lu + composer_style.levels_db[name]
    return dsp.db_to_ratio(target_lufs - max(dsp.loudness_lufs(y, rate), -60.0))


def _sends(
    channels: Mapping[str, Audio],
    rate: int,
    convention: MixConvention,
    composer_style: ComposerStyle,
    bpm: float,
    rng: np.random.Generator,
) -> Audio:
    """Returns of reverb and delay."""
    to_reverb = np.zeros_like(channels["drums"])
    to_delay = np.zeros_like(to_reverb)
    for name, strip in convention.strips.items():
        to_reverb += dsp.db_to_ratio(strip.reverb_db + composer_style.sends_db) * channels[name]
        to_delay += dsp.db_to_ratio(strip.delay_db + composer_style.sends_db) * channels[name]
    reverb, delay = convention.reverb, convention.delay
    response = dsp.reverb_impulse_response(
        rng, rate, reverb.decay_s * composer_style.decay, reverb.predelay_ms, reverb.high_decay
    )
    time_s = delay.beats * 60.0 / bpm
    delayed = dsp.delay(to_delay, rate, time_s, delay.fade_db, delay.high_cut_hz)
    return dsp.convolve(to_reverb + 0.3 * delayed, response) + delayed


def _bus(x: Audio, rate: int, convention: MixConvention, composer_style: ComposerStyle) -> Audio:
    """Shelves, compressor and saturation of the sum."""
    y = dsp.tilt(
        x,
        rate,
        convention.low_db + composer_style.warm_db,
        convention.high_db + composer_style.bright_db,
    )
    bus_compressor = convention.bus_compressor
    slope = 1.0 - 1.0 / bus_compressor.ratio
    y = dsp.compress(
        y,
        rate,
        bus_compressor.depth_db,
        slope,
        bus_compressor.attack_ms,
        bus_compressor.release_ms,
        max_reduction_db=4.0,
    )
    return dsp.drive(y, convention.drive)


def _master_gain(x: Audio, peaks: Audio, rate: int, target_lufs: float) -> float:
    """Gain before the limiter with which the master reaches the target loudness."""
    gain, ceiling = 1.0, dsp.db_to_ratio(CEILING_DBTP)
    for _ in range(MAX_LOUDNESS_ITERATIONS):
        loudness = dsp.loudness_lufs(dsp.limit(gain * x, gain * peaks, rate, ceiling), rate)
        gain *= dsp.db_to_ratio(float(np.clip(target_lufs - loudness, -40.0, 40.0)))
        if abs(target_lufs - loudness) < 0.1:
            break
    return gain


def _fade_out(x: Audio, rate: int) -> Audio:
    """Fade out the last FADE_OUT_S seconds."""
    count = min(int(FADE_OUT_S * rate), x.shape[1])
    y = x.copy()
    y[:, -count:] *= np.cos(np.linspace(0.0, np.pi / 2.0, count)) ** 2
    return y
