"""SoundFont synthesiser: notes to audio.

Existing Python synthesisers ignore the font's root keys, velocities or releases (symusic 0.5.8) or
need a system library (FluidSynth). Signal path of a voice: SoundFont 2.04, section 9; cubic Hermite
interpolation; envelope linear in amplitude during the attack and in dB after it.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ai_mixer.data.band.score import Note, Part
from ai_mixer.data.band.soundfont import DRUM_BANK, SoundFont, Zone, general_midi
from ai_mixer.utils.compilation import njit

SILENT_DB = 80.0  # attenuation at which a voice ends
CHOKE_RELEASE_S = 0.02
MAX_DRUM_RING_S = 6.0  # maximum length of a drum note, which has no release
NOTE_RMS = 0.05  # −26 dBFS, for one held note at velocity 100
OPEN_FILTER_HZ = 30000.0
BRIGHTNESS_OCTAVES = 3.0  # range of the filter cutoff over all velocities
VIBRATO_HZ = 5.3
VIBRATO_DELAY_S = 0.25


def synthesise_parts(parts: Iterable[Part], samples: int, sample_rate: int) -> NDArray[np.float32]:
    """Synthesise the sum of the parts: [2, samples], full scale = 1, not limited."""
    out = np.zeros((2, samples), np.float32)
    font = general_midi()
    for part in parts:
        release_times = _release_times(part, font)
        for note, release_at_s in zip(part.notes, release_times, strict=True):
            bank = DRUM_BANK if part.drums else 0
            for zone in font.zones(bank, part.program, note.key, note.velocity):
                level = _drum_gain(zone) if part.drums else zone.gain * _part_gain(part)
                _add_voice(out, font, zone, part, note, release_at_s, sample_rate, level)
    return out


@cache
def _drum_gain(zone: Zone) -> float:
    """Gain with which a full stroke peaks at 0 dBFS: the font's kits differ by 20 dB."""
    return 1.0 / float(np.abs(general_midi().samples[zone.start : zone.end]).max())


def _part_gain(part: Part) -> float:
    """Gain with which a held note has the RMS NOTE_RMS: the font's instruments differ by 30 dB."""
    middle = sorted(note.key for note in part.notes)[len(part.notes) // 2]
    return _instrument_gain(part.program, 12 * round(middle / 12))


@cache
def _instrument_gain(program: int, key: int) -> float:
    font, rate, probe = general_midi(), 22050, Part("probe", "other", program)
    out, note = np.zeros((2, rate), np.float32), Note(0.0, 1.0, key, 100)
    for zone in font.zones(0, program, key, note.velocity):
        _add_voice(out, font, zone, probe, note, 1.0, rate, zone.gain)
    return NOTE_RMS / float(np.sqrt(np.mean(np.square(out[:, : rate // 2], dtype=np.float64))))


def _release_times(part: Part, font: SoundFont) -> list[float]:
    """Release time of each note in seconds from its start.

    Drums are released when a note of the same choke group starts (a closing hi-hat).
    """
    if not part.drums:
        return [note.duration_s for note in part.notes]
    times = [MAX_DRUM_RING_S] * len(part.notes)
    next_hit: dict[int, float] = {}
    for i in sorted(range(len(part.notes)), key=lambda i: -part.notes[i].start_s):
        note = part.notes[i]
        for zone in font.zones(DRUM_BANK, part.program, note.key, note.velocity)[:1]:
            group = zone.choke or -note.key  # a drum also chokes its own previous note
            times[i] = min(MAX_DRUM_RING_S, next_hit.get(group, np.inf) - note.start_s)
            next_hit[group] = note.start_s
    return times


def _add_voice(
    out: NDArray[np.float32],
    font: SoundFont,
    zone: Zone,
    part: Part,
    note: Note,
    release_at_s: float,
    sample_rate: int,
    full_gain: float,
) -> None:
    loudness = (note.velocity / 127.0) ** 2  # the specification's concave curve, 40 log10
    gain = loudness * 10.0 ** (part.gain_db / 20.0) * full_gain
    angle = (np.clip(zone.pan * 0.7 + part.pan, -1.0, 1.0) + 1.0) * np.pi / 4.0
    # Velocity controls the filter cutoff (specification, default modulator 2); an open filter does
    # not affect notes of full velocity.
    cutoff = OPEN_FILTER_HZ if zone.cutoff_hz > 19000.0 else zone.cutoff_hz
    cutoff *= 2.0 ** (-BRIGHTNESS_OCTAVES * (1.0 - note.velocity / 127.0))
    release_s = CHOKE_RELEASE_S if part.drums else max(zone.release_s, 0.02)
    _voice(
        out,
        font.samples,
        np.array([zone.start, zone.end, zone.loop_start, zone.loop_end], np.int64),
        zone.loops,
        zone.loops_after_release,
        zone.step / sample_rate,
        float(sample_rate),
        note.start_s,
        release_at_s,
        max(zone.attack_s, 0.001),
        zone.hold_s,
        zone.decay_s,
        zone.sustain_db,
        release_s,
        gain * np.cos(angle),
        gain * np.sin(angle),
        1.0 - np.exp(-2.0 * np.pi * cutoff / sample_rate),
        note.vibrato_cents,
    )


@njit(cache=True, nogil=True)
def _voice(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    out, font, span, loops, loops_on, step, rate, start_s, release_at_s, attack_s, hold_s, decay_s,
    sustain_db, release_s, left, right, smooth, vibrato_cents,
):  # fmt: skip
    """Add one voice to out [2, T]; its state is in float64."""
    begin, end, loop_start, loop_end = span
    looping = loops and loop_end - loop_start > 8
    n = int(np.round(start_s * rate))
    position, t, low1, low2 = float(begin), 0.0, 0.0, 0.0
    amplitude, release_start_db = 0.0, -1.0
    decay_slope = 100.0 / decay_s if decay_s > 0.0 else 1e9
    release_slope = 100.0 / release_s
    vibrato = 1.0
    while n < out.shape[1]:
        if t < release_at_s:
            if t < attack_s:
                amplitude = t / attack_s
            else:
                drop = min(sustain_db, max(0.0, t - attack_s - hold_s) * decay_slope)
                amplitude = 10.0 ** (-drop / 20.0)
                if drop >= SILENT_DB:
                    return
        else:
            if release_start_db < 0.0:
                release_start_db = -20.0 * np.log10(max(amplitude, 1e-6))
                if not loops_on:
                    looping = False
            drop = release_start_db + (t - release_at_s) * release_slope
            amplitude = 10.0 ** (-drop / 20.0)
            if drop >= SILENT_DB:
                return
        i = int(position)
        if not looping and i + 3 >= end:
            return
        fraction = position - i
        if i + 2 < font.shape[0]:
            a, b, c, d = font[max(i - 1, begin)], font[i], font[i + 1], font[i + 2]
            x = b + 0.5 * fraction * (
                c - a + fraction * (2 * a - 5 * b + 4 * c - d + fraction * (3 * (b - c) + d - a))
            )
            low1 += smooth * (x - low1)
            low2 += smooth * (low1 - low2)
            if n >= 0:
                out[0, n] += np.float32(left * amplitude * low2)
                out[1, n] += np.float32(right * amplitude * low2)
        if vibrato_cents > 0.0 and t > VIBRATO_DELAY_S:
            depth = vibrato_cents * min(1.0, (t - VIBRATO_DELAY_S) * 4.0)
            vibrato = 2.0 ** (
                depth * np.sin(2.0 * np.pi * VIBRATO_HZ * (t - VIBRATO_DELAY_S)) / 1200.0
            )
        position += step * vibrato
        if looping:
            while position >= loop_end:
                position -= loop_end - loop_start
        n += 1
        t += 1.0 / rate
