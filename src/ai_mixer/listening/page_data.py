"""Data for the scripts of the page: versions, and each song's gains, spectrograms and tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ai_mixer.listening import labels
from ai_mixer.listening.samples import SettingRow, SongSamples
from ai_mixer.listening.spectrogram import frequency_ticks, spectrogram_pngs

MAX_DIFFERENCES = 8  # shown next to the player
MIN_DIFFERENCE = 0.05  # of a knob's travel; smaller differences are not shown


class VersionLabel(NamedTuple):
    """Name of a version on its button, and a note below it."""

    name: str
    note: str = ""


def version_labels(mixes: Mapping[str, VersionLabel]) -> list[dict[str, Any]]:
    """Return all versions in playing order, with those that can be voted for as `votable`."""
    versions = {
        "rough": VersionLabel("Rough", "input"),
        **mixes,
        "finished": VersionLabel("Finished", "target"),
    }
    return [
        {"id": key, "name": label.name, "note": label.note, "votable": key != "finished"}
        for key, label in versions.items()
    ]


def song_data(
    song: SongSamples,
    gains_db: Mapping[str, float],
    restore_gain: Mapping[str, float],
    levels_lufs: Mapping[str, float],
) -> dict[str, Any]:
    """Return the data of one song.

    gains_db: gain of each version for equal loudness; restore_gain: factor of each version that
    restores the level before `encode_flac`; levels_lufs: loudness of each version as it is.
    """
    condition = labels.CONDITION_LABELS.get(song.condition or "", song.condition)
    genre = (song.genre or "").replace("_", " ")
    matched = {name: x * 10 ** (gains_db[name] / 20) for name, x in song.versions().items()}
    first = next(iter(song.mixes.values()))
    return {
        "name": song.name,
        "about": " · ".join(text for text in (genre, condition) if text),
        "note": song.note,
        "genre": genre,
        "sampleRate": song.sample_rate,
        "seconds": song.rough.shape[-1] / song.sample_rate,
        "restoreGain": restore_gain,
        "loudnessGain": {
            name: {
                "db": db,
                "text": labels.format_db(db),
                "level": labels.format_lufs(levels_lufs[name]),
            }
            for name, db in gains_db.items()
        },
        "spectrograms": spectrogram_pngs(matched, song.sample_rate),
        "ticks": frequency_ticks(song.sample_rate),
        "settings": [_setting(row, number, song) for number, row in enumerate(first.settings)],
        "tracks": [track.name for track in song.tracks],
        "metrics": [_metric(name, song) for name in first.metrics],
    }


def largest_differences(songs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the knobs and songs with the largest differences between mixes, largest first."""
    differences = [
        (_position_range(row), {"song": index, "label": row["label"], "mixes": row["mixes"]})
        for index, song in enumerate(songs)
        for row in song["settings"]
    ]
    large = [pair for pair in differences if pair[0] >= MIN_DIFFERENCE]
    return [data for _, data in sorted(large, key=lambda pair: -pair[0])[:MAX_DIFFERENCES]]


def _position_range(row: Mapping[str, Any]) -> float:
    positions = [mix["position"] for mix in row["mixes"] if mix["position"] is not None]
    return max(positions) - min(positions) if positions else 0.0


def _setting(row: SettingRow, number: int, song: SongSamples) -> dict[str, Any]:
    """One knob with its value in each mix."""
    true = None if row.masked else row.true
    low, high = labels.format_setting(row.low, row.unit), labels.format_setting(row.high, row.unit)
    rows = {name: mix.settings[number] for name, mix in song.mixes.items()}
    neutral = labels.format_setting(row.neutral, row.unit)
    return {
        "label": labels.setting_name(row.knob),
        "range": f"{low} to {high}, neutral {neutral}",
        "mixes": [_mix_setting(row, name, own) for name, own in rows.items()],
        "neutralPosition": row.to_position(row.neutral),
        "true": None if true is None else labels.format_setting(true, row.unit),
        "truePosition": None if true is None else row.to_position(true),
        "masked": row.masked,
    }


def _mix_setting(row: SettingRow, version: str, own: SettingRow) -> dict[str, Any]:
    """Applied value of a mix and the predicted one, on the range of the page's row."""
    value, position = _value(row, own.rendered)
    predicted, predicted_position = _value(row, own.predicted)
    return {
        "version": version,
        "value": value,
        "position": position,
        "predicted": predicted,
        "predictedPosition": predicted_position,
    }


def _value(row: SettingRow, value: float) -> tuple[str, float | None]:
    """Text and position; NaN: a knob that the model does not have."""
    if math.isnan(value):
        return "–", None
    return labels.format_setting(value, row.unit), row.to_position(value)


def _metric(name: str, song: SongSamples) -> dict[str, Any]:
    """One metric of the rough and of each mix."""
    rough = song.rough_metrics.get(name)
    return {
        "label": labels.readable_name(name),
        "rough": None if rough is None else labels.format_number(rough),
        "mixes": [labels.format_number(mix.metrics[name]) for mix in song.mixes.values()],
    }
