"""Knobs of several tracks from another excerpt of their mix (`reference`), on real songs: bounds.

    AI_MIXER_MUSIC=/my/music python benchmarks/reference_tracks.py --draws 6 --cache reference.pt

Examples of `task=remix` of the songs of `data=tracks`: tracks in an excerpt of 5 s, and the mix
of another excerpt as the reference. Knobs are predicted in five folds by source, by boosted
trees for the absolute error, from the features of a model in this repository (the tracks alone;
with the reference), and from the reference's own tracks, each in the same features that a perfect
separation of the reference would give: the bound. Pans are predicted from what the features say of
the channels, gains of the EQ from what they say of the spectrum, faders from all: with some hundred
features the trees are less accurate. Knob skill is 1 − error / error of the mean knobs
by role of the other folds, with 95 % intervals over songs. `same excerpt` is the bound where the
tracks of the reference are those of the same excerpt, so that no note differs.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from paired_tracks import EXCERPT_S, FOLDS, GAINS, RATE, _means
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.console import ConsoleGraph, load_console
from ai_mixer.core.track_batch import TrackExample
from ai_mixer.core.types import CONDITIONS, Song
from ai_mixer.data.tracks import Tracks
from ai_mixer.dsp.spectra import mid_side
from ai_mixer.metrics.statistics import bootstrap_means, nan_mean, song_means
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.models.track_features import LONG_HOP, LONG_N_FFT, OWN_COMPACT, TrackFeatureExtractor
from ai_mixer.models.track_levels import band_levels_db, power_of, spectra_of
from ai_mixer.tasks.remix import Remix
from ai_mixer.utils.progress import progress_bar

KNOBS = ("fader_db", "pan", *GAINS)
PANNING = 7  # features of the channels, with a reference; 6 for the reference's tracks
SYSTEMS = ("tracks alone", "reference", "its tracks", "its tracks, same excerpt")


def main() -> None:
    """Measure, predict and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=6, help="examples per song")
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    if arguments.cache and arguments.cache.is_file():
        records, inputs = torch.load(arguments.cache, weights_only=False)
    else:
        records, inputs = _measure(arguments.draws)
        if arguments.cache:
            torch.save((records, inputs), arguments.cache)
    print(f"{records['song'].nunique()} songs, {records['row'].nunique()} tracks of examples\n")
    print(to_markdown(_table(records, inputs)))


def _measure(draws: int) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """Records of each knob of each track; inputs of each system for each kind, a row per track."""
    console, features = load_console("studio"), TrackFeatureExtractor(RATE)
    assert isinstance(console, ConsoleGraph)
    rows: dict[str, list[dict[str, np.ndarray]]] = {system: [] for system in SYSTEMS}
    records: list[dict[str, object]] = []
    for fold in range(FOLDS):
        songs = [song for song in Tracks(fold=fold).track_songs() if song.split == "test"]
        for song in progress_bar(songs, f"fold {fold}"):
            for draw in range(draws):
                made = _example(console, song, np.random.default_rng([fold, draw, len(song.id)]))
                if made is None:
                    continue
                example, stems, others = made
                first = sum(len(part["all"]) for part in rows["reference"])
                for system, values in _inputs(features, example, stems, others).items():
                    rows[system].append(values)
                records += _records(console, example, first, song, fold)
    return pd.DataFrame(records), {
        name: {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}
        for name, parts in rows.items()
    }


def _example(
    console: ConsoleGraph, song: Song, rng: np.random.Generator
) -> tuple[TrackExample, Tensor, Tensor] | None:
    """An example, and its audible stems in its own excerpt and in that of the reference."""
    length_s = min(EXCERPT_S, song.duration_s)
    starts = rng.uniform(0.0, song.duration_s - length_s, 2)
    stems, others = (
        torch.stack([read_excerpt(track.path, start, length_s, RATE) for track in song.tracks])
        for start in starts
    )
    roles = torch.tensor([track.role_index for track in song.tracks])
    loud = stems.square().mean((1, 2)) > 0.0
    stems, others, roles = stems[loud], others[loud], roles[loud]
    task = Remix(console, "reference")
    try:
        example = task(stems, roles, lambda: others, sample_rate=RATE, rng=rng)
    except ValueError:  # silent
        return None
    return (example, stems, others) if len(example.tracks) == len(stems) else None


def _inputs(
    features: TrackFeatureExtractor, example: TrackExample, stems: Tensor, others: Tensor
) -> dict[str, dict[str, np.ndarray]]:
    """Inputs of each system, [N, ·], for faders ("all"), pans and gains."""
    mask = torch.ones(1, len(example.tracks), dtype=torch.bool)
    parts = [
        features(
            example.tracks[None],
            mask,
            example.reference[None],
            torch.tensor([CONDITIONS.index(name)]),
        )
        for name in ("blind", "reference")
    ]
    blind, reference = (features.compact(part.tracks[0]) for part in parts)
    song = parts[1].song.expand(len(blind), -1)
    own = _levels(features, example.tracks)
    role = torch.nn.functional.one_hot(example.roles + 1, 16).float()
    compared = reference[:, OWN_COMPACT : OWN_COMPACT + features.compared]
    curve, pans = compared[:, :-PANNING], compared[:, -PANNING:]
    inputs = {
        "tracks alone": {"all": [_with_relative(blind), role], "pan": [own[0].mean(-1), role]},
        "reference": {
            "all": [_with_relative(reference), song, role],
            "pan": [pans, role],
            "eq": [curve, role],
        },
    }
    for name, audio in (("its tracks", others), ("its tracks, same excerpt", stems)):
        curve, pans = _compared(own, _levels(features, audio))
        inputs[name] = {
            "all": [_with_relative(blind), role, curve, pans],
            "pan": [pans, role],
            "eq": [curve, role],
        }
    return {
        name: {kind: torch.cat(part, 1).numpy() for kind, part in kinds.items()}
        for name, kinds in inputs.items()
    }


def _with_relative(values: Tensor) -> Tensor:
    return torch.cat([values, values - values.mean(0)], 1)


def _levels(features: TrackFeatureExtractor, tracks: Tensor) -> tuple[Tensor, Tensor]:
    """Levels of left and right, and of mid and side, in bands: [N, 2, bands] dB, loud frames."""
    spectra = spectra_of(tracks.expand(-1, 2, -1), LONG_N_FFT, LONG_HOP)
    power = power_of(spectra), power_of(mid_side(spectra))
    left_right, both = (
        band_levels_db(part.mean(-1, keepdim=True), features.long_bands)[..., 0] for part in power
    )
    return left_right, both


def _compared(own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Curve and level, pan and width of the tracks of the reference relative to the tracks."""
    curve = (other[1] - own[1])[:, 0]
    level = curve.mean(1, keepdim=True)
    pans = [
        torch.atan2(*(10.0 ** (x[0] / 10.0)).sum(-1).sqrt().flip(1).unbind(1)) for x in (own, other)
    ]
    width = [(x[1][:, 1] - x[1][:, 0]).mean(1) for x in (own, other)]
    columns = [*pans, pans[1] - pans[0], *width, width[1] - width[0]]
    loud = 10.0 * (10.0 ** (other[1][:, 0] / 10.0)).sum(1, keepdim=True).log10()
    quiet = 10.0 * (10.0 ** (own[1][:, 0] / 10.0)).sum(1, keepdim=True).log10()
    gain = loud - quiet
    return torch.cat([curve - level, gain, gain - gain.mean(0)], 1), torch.stack(columns, 1)


def _records(
    console: ConsoleGraph, example: TrackExample, first: int, song: Song, fold: int
) -> list[dict[str, object]]:
    layout = console.layout
    true, mask = (layout.from_flat(x[None]) for x in (example.knobs, example.mask))
    return [
        {
            "row": first + track,
            "role": int(example.roles[track]),
            "knob": knob,
            "true": float(true.strips[0, track, console.names.index(knob)]),
            "song": song.id,
            "fold": fold,
        }
        for track in range(len(example.tracks))
        for knob in KNOBS
        if mask.strips[0, track, console.names.index(knob)]
    ]


def _table(records: pd.DataFrame, inputs: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    """Skill of each system for each knob, and for fader, pan and gains together."""
    records = records.assign(mean=_means(records))
    for system, kinds in inputs.items():
        records[system] = np.nan
        for (knob, fold), own in records.groupby(["knob", "fold"]):
            kind = {"pan": "pan", "fader_db": "all"}.get(str(knob), "eq")
            values = kinds.get(kind, kinds["all"])
            others = records[(records["knob"] == knob) & (records["fold"] != fold)]
            model = HistGradientBoostingRegressor(
                loss="absolute_error", max_iter=200, learning_rate=0.05, min_samples_leaf=20,
                l2_regularization=1.0, max_features=0.3, random_state=0,
            )  # fmt: skip
            model.fit(values[others["row"]], others["true"])
            records.loc[own.index, system] = model.predict(values[own["row"]])
    gains = records["knob"].isin(GAINS)
    groups = {knob: records["knob"] == knob for knob in KNOBS} | {"all four gains": gains}
    return pd.DataFrame.from_dict(
        {
            name: {"targets": int(where.sum())}
            | {system: _skill(records[where], system) for system in inputs}
            for name, where in groups.items()
        },
        orient="index",
    ).rename_axis("knob")


def _skill(records: pd.DataFrame, system: str) -> str:
    songs, true = records["song"].to_numpy(), records["true"].to_numpy()
    errors = [np.abs(records[name].to_numpy() - true) for name in (system, "mean")]
    draws = [nan_mean(bootstrap_means(song_means(error[:, None], songs)), 1) for error in errors]
    low, high = np.nanquantile(1.0 - draws[0] / draws[1], [0.025, 0.975])
    return f"{1.0 - errors[0].mean() / errors[1].mean():.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
