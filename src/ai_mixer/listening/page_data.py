"""What the page's script is told: versions by name, each song's levels, pictures and tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ai_mixer.listening import labels
from ai_mixer.listening.samples import SettingRow, SongSamples
from ai_mixer.listening.spectrogram import frequency_ticks, spectrogram_pngs

MAX_DIFFERENCES = 8  # of the largest ones, told beside the player
MIN_DIFFERENCE = 0.05  # of a knob's travel: less is no difference worth telling


class VersionLabel(NamedTuple):
    """What a version is called on its button, and a word more below it."""

    name: str
    note: str = ""


def version_labels(mixes: Mapping[str, VersionLabel]) -> list[dict[str, Any]]:
    """All versions in the order they are heard. Those that can be voted for are `entrants`."""
    named = {
        "rough": VersionLabel("Rough", "before"),
        **mixes,
        "finished": VersionLabel("Finished", "the goal"),
    }
    return [
        {"id": key, "name": label.name, "note": label.note, "entrant": key != "finished"}
        for key, label in named.items()
    ]


def song_data(
    song: SongSamples, matching: Mapping[str, float], restore: Mapping[str, float]
) -> dict[str, Any]:
    """One song. matching: version → dB; restore: version → factor that undoes the FLAC's own."""
    condition = labels.CONDITION_LABELS.get(song.condition or "", song.condition)
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
            name: {"db": db, "text": labels.format_db(db)} for name, db in matching.items()
        },
        "pictures": spectrogram_pngs(matched, song.sample_rate),
        "ticks": frequency_ticks(song.sample_rate),
        "settings": [_setting(row, number, song) for number, row in enumerate(first.settings)],
        "metrics": [_metric(name, song) for name in first.metrics],
    }


def largest_differences(songs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the mixes of a song differ most, by the travel of one knob; none of a single mix."""
    found = [
        {
            "song": number,
            "label": row["label"],
            "spread": _position_range(row),
            "mixes": row["mixes"],
        }
        for number, song in enumerate(songs)
        for row in song["settings"]
    ]
    wide = [one for one in found if one["spread"] >= MIN_DIFFERENCE]
    return sorted(wide, key=lambda one: -one["spread"])[:MAX_DIFFERENCES]


def _position_range(row: Mapping[str, Any]) -> float:
    at = [mix["at"] for mix in row["mixes"] if mix["at"] is not None]
    return max(at) - min(at) if at else 0.0


def _setting(row: SettingRow, number: int, song: SongSamples) -> dict[str, Any]:
    """One knob, as each mix has it."""
    known = row.true is not None and not row.masked
    low, high = labels.format_setting(row.low, row.unit), labels.format_setting(row.high, row.unit)
    values = {name: mix.settings[number].predicted for name, mix in song.mixes.items()}
    return {
        "label": labels.readable_name(row.knob),
        "range": f"{low} to {high}",
        "mixes": [_mix_setting(row, name, value) for name, value in values.items()],
        "neutral": labels.format_setting(row.neutral, row.unit),
        "neutralAt": row.to_position(row.neutral),
        "true": labels.format_setting(row.true, row.unit)
        if known and row.true is not None
        else None,
        "trueAt": row.to_position(row.true) if known and row.true is not None else None,
        "masked": row.masked,
    }


def _mix_setting(row: SettingRow, version: str, value: float) -> dict[str, Any]:
    if math.isnan(value):
        return {"version": version, "value": "–", "at": None}
    return {
        "version": version,
        "value": labels.format_setting(value, row.unit),
        "at": row.to_position(value),
    }


def _metric(name: str, song: SongSamples) -> dict[str, Any]:
    """One measure, of the rough and of each mix."""
    rough = song.rough_metrics.get(name)
    return {
        "label": labels.readable_name(name),
        "rough": None if rough is None else labels.format_number(rough),
        "mixes": [labels.format_number(mix.metrics[name]) for mix in song.mixes.values()],
    }
