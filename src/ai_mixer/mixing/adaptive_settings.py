"""Settings that follow the sections of a song, without changing its dynamics.

Sections that sound alike are repetitions of one part and share the mean of their settings, so there
are few. Level and compression are those of the whole song. The level of each section is corrected
so that its loudness changes by as much as that of the whole song: a chorus stays as much louder as
it was.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing.excerpts import RATE_HZ, render_excerpt
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import KNOB_GROUPS, KnobValues
from ai_mixer.mixing.preset import PresetSection

REPETITION_DB = 3.0  # mean difference of the spectra of two sections of one part
MAX_PARTS = 3
WHOLE_SONG = {*KNOB_GROUPS["gain"], *KNOB_GROUPS["compressor"], *KNOB_GROUPS["multiband"]}
LEVELS = ("output_level", "level")  # the last gain of a console
LEVEL_EXCERPT_S = 8.0


def repeated_parts(spectra_db: Tensor, starts_s: Sequence[float]) -> list[int]:
    """Number of the part of each section: 0, 1, 0 for verse, chorus, verse.

    spectra_db: third-octave levels of each second, [S, bands].
    """
    bounds = [*map(int, starts_s), len(spectra_db)]
    powers = 10 ** (spectra_db.double().clamp_min(-80.0) / 10)
    means = [powers[a:b].mean(0) for a, b in pairwise(bounds)]
    levels = torch.stack([10 * torch.log10(m / m.sum() + 1e-8) for m in means])
    parts: list[list[int]] = []
    numbers = []
    for section in range(len(levels)):
        distances = [float((levels[part].mean(0) - levels[section]).abs().mean()) for part in parts]
        nearest = min(range(len(parts)), key=distances.__getitem__, default=-1)
        if nearest < 0 or (distances[nearest] > REPETITION_DB and len(parts) < MAX_PARTS):
            parts.append([])
            nearest = len(parts) - 1
        parts[nearest].append(section)
        numbers.append(nearest)
    return numbers


def adaptive_sections(
    song: AudioFile,
    console: MixConsole,
    sections: Sequence[PresetSection],
    parts: Sequence[int],
    whole: PresetSection,
) -> tuple[PresetSection, ...]:
    """Sections with the settings of their part; neighbours of one part are one section.

    whole: the settings of the whole song.
    """
    settings: dict[int, KnobValues] = {}
    for part in set(parts):
        own = [s for s, number in zip(sections, parts, strict=True) if number == part]
        settings[part] = _mean(console, [section.settings for section in own], whole.settings)
    kept = [n for n in range(len(parts)) if n == 0 or parts[n] != parts[n - 1]]
    if len(kept) == 1:
        return (whole,)
    stops = [*(sections[n].start_s for n in kept[1:]), song.duration_s]
    changes = [
        _louder_db(song, console, settings[parts[n]], whole.settings, sections[n].start_s, stop_s)
        for n, stop_s in zip(kept, stops, strict=True)
    ]
    result = []
    for n, change_db in zip(kept, changes, strict=True):
        own_settings = _with_level(console, settings[parts[n]], -change_db)
        result.append(PresetSection(sections[n].start_s, own_settings, sections[n].predicted))
    return tuple(result)


def _mean(console: MixConsole, every: Sequence[KnobValues], whole: KnobValues) -> KnobValues:
    """Mean position of each knob; of level and compression that of the whole song."""
    positions = console.console.knobs_from(list(every)).mean(0, keepdim=True)
    mean = console.console.settings(positions)[0]
    return {
        name: whole[name] if name in WHOLE_SONG else round(float(value), 4)
        for name, value in mean.items()
    }


def _louder_db(
    song: AudioFile,
    console: MixConsole,
    settings: KnobValues,
    whole: KnobValues,
    start_s: float,
    stop_s: float,
) -> float:
    """By how much settings make a section louder than those of the whole song do."""
    length = min(stop_s - start_s, LEVEL_EXCERPT_S)
    first = round((start_s + stop_s - length) / 2 * RATE_HZ)
    excerpt = read_resampled(
        song.read_samples, song.sample_rate, first, round(length * RATE_HZ), RATE_HZ
    ).expand(2, -1)
    own, other = (
        float(loudness_lufs(render_excerpt(console, excerpt, values)[None], RATE_HZ))
        for values in (settings, whole)
    )
    return own - other if math.isfinite(own - other) else 0.0


def _with_level(console: MixConsole, settings: KnobValues, gain_db: float) -> KnobValues:
    """Settings with a further gain at the end of the console."""
    name = next((name for name in LEVELS if name in console.knobs), "")
    knob = console.knobs.get(name)
    if knob is None:
        return settings
    level = settings[knob.name] * 10 ** (gain_db / 20)
    return settings | {knob.name: round(min(max(level, knob.low), knob.high), 4)}
