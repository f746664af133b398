"""What the page's script is told: versions by name, each song's levels, pictures and tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ai_mixer.listening import labels
from ai_mixer.listening.samples import SettingRow, SongSamples
from ai_mixer.listening.spectrogram import pictures, ticks

DIFFERENCES = 8  # of the largest ones, told beside the player
LEAST = 0.05  # of a knob's travel: less is no difference worth telling


class Label(NamedTuple):
    """What a version is called on its button, and a word more below it."""

    name: str
    note: str = ""


def version_labels(mixes: Mapping[str, Label]) -> list[dict[str, Any]]:
    """All versions in the order they are heard. Those that can be voted for are `entrants`."""
    named = {"rough": Label("Rough", "before"), **mixes, "finished": Label("Finished", "the goal")}
    return [
        {"id": key, "name": label.name, "note": label.note, "entrant": key != "finished"}
        for key, label in named.items()
    ]


def facts(
    song: SongSamples, matching: Mapping[str, float], restore: Mapping[str, float]
) -> dict[str, Any]:
    """One song. matching: version → dB; restore: version → factor that undoes the FLAC's own."""
    condition = labels.CONDITIONS.get(song.condition or "", song.condition)
    genre = (song.genre or "").replace("_", " ")
    matched = {name: x * 10 ** (matching[name] / 20) for name, x in song.versions().items()}
    first = next(iter(song.mixes.values()))
    return {
        "name": song.name,
        "about": " · ".join(text for text in (genre, condition) if text),
        "genre": genre,
        "sampleRate": song.sample_rate,
        "seconds": song.rough.shape[-1] / song.sample_rate,
        "restore": restore,
        "matching": {
            name: {"db": db, "text": labels.decibels(db)} for name, db in matching.items()
        },
        "pictures": pictures(matched, song.sample_rate),
        "ticks": ticks(song.sample_rate),
        "settings": [_setting(row, number, song) for number, row in enumerate(first.settings)],
        "metrics": [_metric(name, song) for name in first.metrics],
    }


def differences(songs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the mixes of a song differ most, by the travel of one knob; none of a single mix."""
    found = [
        {"song": number, "label": row["label"], "spread": _spread(row), "mixes": row["mixes"]}
        for number, song in enumerate(songs)
        for row in song["settings"]
    ]
    wide = [one for one in found if one["spread"] >= LEAST]
    return sorted(wide, key=lambda one: -one["spread"])[:DIFFERENCES]


def _spread(row: Mapping[str, Any]) -> float:
    at = [mix["at"] for mix in row["mixes"] if mix["at"] is not None]
    return max(at) - min(at) if at else 0.0


def _setting(row: SettingRow, number: int, song: SongSamples) -> dict[str, Any]:
    """One knob, as each mix has it."""
    known = row.true is not None and not row.masked
    low, high = labels.setting(row.low, row.unit), labels.setting(row.high, row.unit)
    values = {name: mix.settings[number].predicted for name, mix in song.mixes.items()}
    return {
        "label": labels.label(row.knob),
        "range": f"{low} to {high}",
        "mixes": [_set(row, name, value) for name, value in values.items()],
        "neutral": labels.setting(row.neutral, row.unit),
        "neutralAt": row.travel(row.neutral),
        "true": labels.setting(row.true, row.unit) if known and row.true is not None else None,
        "trueAt": row.travel(row.true) if known and row.true is not None else None,
        "masked": row.masked,
    }


def _set(row: SettingRow, version: str, value: float) -> dict[str, Any]:
    if math.isnan(value):
        return {"version": version, "value": "–", "at": None}
    return {"version": version, "value": labels.setting(value, row.unit), "at": row.travel(value)}


def _metric(name: str, song: SongSamples) -> dict[str, Any]:
    """One measure, of the rough and of each mix."""
    rough = song.rough_metrics.get(name)
    return {
        "label": labels.label(name),
        "rough": None if rough is None else labels.number(rough),
        "mixes": [labels.number(mix.metrics[name]) for mix in song.mixes.values()],
    }
