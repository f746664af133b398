"""How much damage a model mends, against how much it moves finished songs: five folds.

python benchmarks/evidence.py /my/music --cache profiles.pt --plot docs/images/evidence-curve.png

Songs are damaged by another processor (pedalboard): shelves of ±6 and ±12 dB at 100 Hz and 8 kHz,
width 30 %, a narrow band, and crushed. All systems get the same profiles and the same training
examples, and are judged by the exact response of the filters of `classic`: a system moves a
finished song if a third of an octave changes by more than 0.5 dB, and mends the share of the change
that it takes back. Each has a factor and the smallest move that is made as settings, and evidence
its prior probability of damage and the weight of its regression; they are chosen for each fold and
point of the curve on the songs of the other folds. The profiles take half an hour of a core;
`--cache` keeps them. `--champion` adds a packaged model, see `evidence_champion.py`.
"""

import argparse
import csv
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.console import Console, load_console
from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp import filters
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.faults.damage_prior import KINDS, draw_damage
from ai_mixer.metrics.sound_profile import profile
from ai_mixer.models.closed_form import FitExamples
from ai_mixer.models.evidence import Evidence
from ai_mixer.models.evidence_fit import regression_examples
from ai_mixer.utils.parallel import parallel_map

RATE = 44_100
EXCERPT_S = 10.0
DRAWS = 2  # of each kind of real damage, per song
ROUGH_EVERY, ROUGHS = 4, 2  # songs with roughs of the task, and roughs of each
MOVED_DB = 0.5
POINTS = (0.10, 0.25, 0.50)  # shares of finished songs that move
SHELVES_DB = (-12, -6, 6, 12)
FACTORS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0)
LEAST = tuple((0.02 * np.arange(36)).round(2).tolist())  # of a knob, share of its range
LIMITS = tuple((0.05 * np.arange(1, 16)).round(2).tolist())  # of the curve; POINTS among them
EQ_KNOBS = ("low_eq", "mid_eq", "high_eq", "presence")
WIDTH_LIMIT_DB = 20 * math.log10(1.05)
LEAST_UNIT_DB = 12.0  # of smallest moves in dB: the range of an equaliser knob
RESAMPLES = 1000
PROBABILITIES = (0.3, 0.5, 0.8, 0.95)  # prior probabilities of damage
SHARES = (0.25, 0.4, 0.55)  # weights of the regression
MAX_SUPPORT = 6000  # examples of the regression: all
CHAMPION = "weighted_ensemble (packaged)"
Knobs = np.ndarray  # [songs, knobs]: offsets from neutral, share of the range
Variant = tuple[float, ...]  # of evidence: probability of damage and weight of the regression
Variants = dict[Variant, dict[str, Knobs]]  # variant → version → knobs


class Setting(NamedTuple):
    """Setting of evidence: variant, factor and smallest move."""

    variant: Variant
    factor: float
    least: float


DEFAULT = Setting((0.3, 0.55), 2.0, 0.38)  # that of configs/model/evidence.yaml


class Song(NamedTuple):
    """Profiles of one song: two excerpts [2, F] of each version, and training examples [n, F]."""

    fold: str
    genre: str
    versions: dict[str, Tensor]
    base: Tensor
    damaged: Tensor
    rough: Tensor
    knobs: Tensor


def main() -> None:
    """Print the table, draw the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--champion", type=Path, nargs="+", help="files of evidence_champion.py")
    arguments = parser.parse_args()
    songs = _songs(arguments.root, arguments.cache)
    console = load_console("classic")
    predicted = _predictions(songs, console)
    if arguments.champion:
        predicted[CHAMPION] = {(): _champion(arguments.champion, songs)}
    judge = Judge(songs, console)
    curves = {name: judge.curve(found, name) for name, found in predicted.items()}
    print(judge.table(curves))
    default = judge.setting(predicted["evidence"], DEFAULT)
    print(f"\n{judge.row('default', 'evidence', default)}\n")
    print(judge.limits_kept(songs, default, console))
    if arguments.plot:
        _plot(curves, judge, default, arguments.plot)


def _songs(root: Path, cache: Path | None) -> list[Song]:
    if cache and cache.is_file():
        return [Song(**parts) for parts in torch.load(cache)]
    with (root / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(enumerate(csv.DictReader(file)))
    measured = parallel_map(lambda row: _measure(root, *row), rows, "profiles")
    songs = [song for song in measured if song is not None]
    if cache:
        torch.save([song._asdict() for song in songs], cache)
    return songs


def damages() -> dict[str, Callable[[Tensor, int], Tensor]]:
    """Damage by another processor: name → function of audio [2, T] and sample rate."""
    import pedalboard as pb

    def board(*effects: Any) -> Callable[[Tensor, int], Tensor]:
        return lambda x, rate: torch.from_numpy(pb.Pedalboard(list(effects))(x.numpy(), rate))

    def narrow(x: Tensor, rate: int) -> Tensor:
        mid, side = (x[0] + x[1]) / 2, 0.3 * (x[0] - x[1]) / 2
        return torch.stack([mid + side, mid - side])

    def crush(x: Tensor, rate: int) -> Tensor:
        compressor = pb.Compressor(threshold_db=-30, ratio=20, attack_ms=1, release_ms=50)
        return board(compressor)(x / x.abs().max().clamp_min(1e-9), rate)

    low = {f"low {g:+d} dB": board(pb.LowShelfFilter(100, g)) for g in SHELVES_DB}
    high = {f"high {g:+d} dB": board(pb.HighShelfFilter(8000, g)) for g in SHELVES_DB}
    cuts = [pb.HighpassFilter(200), pb.HighpassFilter(200)]
    tops = [pb.LowpassFilter(6000), pb.LowpassFilter(6000)]
    others = {"width 30 %": narrow, "narrow band": board(*cuts, *tops), "crushed": crush}
    return low | high | others


def _measure(root: Path, number: int, row: dict[str, str]) -> Song | None:
    file = AudioFile(root / row["file"])
    if file.sample_rate != RATE:
        return None
    audio = torch.cat(list(file.blocks()), -1).expand(2, -1).contiguous()
    size = round(EXCERPT_S * RATE)

    def ends(x: Tensor) -> Tensor:
        return torch.cat(
            [profile(part[None].float(), RATE) for part in (x[:, :size], x[:, -size:])]
        )

    versions = {"finished": ends(audio)}
    versions |= {name: ends(change(audio, RATE)) for name, change in damages().items()}
    start = max(0, (audio.shape[-1] - size) // 2)
    middle, rng = audio[:, start : start + size], np.random.default_rng(number)
    broken = [draw_damage(kind, rng)(middle, RATE) for kind in KINDS for _ in range(DRAWS)]
    console, roughs, knobs = load_console("classic"), [], []
    generator = torch.Generator().manual_seed(number)
    for _ in range(ROUGHS if number % ROUGH_EVERY == 0 else 0):
        drawn = _draw_knobs(console, generator)
        roughs.append(console.invert(middle[None], RATE, drawn)[0])
        knobs.append(drawn[0] - console.neutral)
    return Song(
        row["fold"],
        row["genre"],
        versions,
        profile(middle[None], RATE)[0],
        torch.cat([profile(x[None].float(), RATE) for x in broken]),
        torch.cat([profile(x[None].float(), RATE) for x in roughs])
        if roughs
        else torch.zeros(0, 0),
        torch.stack(knobs) if knobs else torch.zeros(0, 0),
    )


def _draw_knobs(console: Console, generator: torch.Generator) -> Tensor:
    """Uniform positions of the knobs that have an inverse, [1, P]; the others at neutral."""
    knobs = console.neutral.clone()
    drawn = [n for n, knob in enumerate(console.knobs) if knob.name not in ("delay", "reverb")]
    knobs[drawn] = torch.rand(len(drawn), generator=generator)
    return knobs[None]


def _predictions(songs: list[Song], console: Console) -> dict[str, Variants]:
    """System → predictions of all songs, each by a fit to the other folds."""
    result: dict[str, Variants] = {}
    for fold in sorted({song.fold for song in songs}):
        train = [song for song in songs if song.fold != fold]
        tested = [n for n, song in enumerate(songs) if song.fold == fold]
        for name, variants in _systems(train, console).items():
            for variant, predict in variants.items():
                for version in songs[0].versions:
                    shape = (len(songs), len(console.knobs))
                    versions = result.setdefault(name, {}).setdefault(variant, {})
                    into = versions.setdefault(version, np.zeros(shape))
                    profiles = torch.stack([songs[n].versions[version] for n in tested])
                    into[tested] = predict([songs[n].genre for n in tested], profiles)
    return result


Predict = Callable[[list[str], Tensor], np.ndarray]


def _systems(train: list[Song], console: Console) -> dict[str, dict[Variant, Predict]]:
    """Name → variants of a prediction from genres [n] and two profiles: [n, 2, F] → [n, P]."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = Evidence(len(console.knobs), RATE, n_damages=4096, n_support=MAX_SUPPORT)
    examples = _examples(train)
    model.fit(examples, console.neutral)

    def evidence(x: Tensor, variant: Variant) -> np.ndarray:
        blind = torch.full((len(x),), CONDITIONS.index("blind"))
        model.damage_probability, model.regression_share = variant
        return model.correction(x, x, blind).numpy()

    def variants(
        inputs: Callable[[list[str], Tensor], Tensor], shares: tuple[float, ...] = SHARES
    ) -> dict[Variant, Predict]:
        pairs = itertools.product(PROBABILITIES, shares)
        return {v: lambda genres, x, v=v: evidence(inputs(genres, x), v) for v in pairs}

    pairs = regression_examples(examples, console.neutral, model.real_share)
    inputs, targets = (part.numpy() for part in pairs)
    regressors = {
        "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 11))),
        "nearest neighbour": make_pipeline(StandardScaler(), KNeighborsRegressor(20)),
    }
    for regressor in regressors.values():
        regressor.fit(inputs, targets)
    options = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 8, "random_state": 0}
    varied = [n for n in range(targets.shape[1]) if np.ptp(targets[:, n]) > 0]
    trees = {n: HistGradientBoostingRegressor(**options).fit(inputs, targets[:, n]) for n in varied}

    def boosted(x: np.ndarray) -> np.ndarray:
        found = np.zeros((len(x), targets.shape[1]))
        for n, tree in trees.items():
            found[:, n] = tree.predict(x)
        return found

    means = {genre: _genre_shift(train, genre, model.mean) for genre in {s.genre for s in train}}
    none = torch.zeros_like(model.mean)

    def shifts(genres: list[str]) -> Tensor:
        return torch.stack([means.get(genre, none) if genre else none for genre in genres])

    return {
        "evidence": variants(lambda genres, x: x.mean(1)),
        "evidence, Bayes only": variants(lambda genres, x: x.mean(1), (0.0,)),
        "evidence, 10 s": variants(lambda genres, x: x[:, 0]),
        "evidence, genre": variants(lambda genres, x: x.mean(1) - shifts(genres)),
        "boosted trees": {(): lambda genres, x: boosted(x.mean(1).numpy())},
        **{
            name: {(): lambda genres, x, r=regressor: r.predict(x.mean(1).numpy())}
            for name, regressor in regressors.items()
        },
    }


GENRE_SONGS = 20.0  # a genre with as many songs has half of its own mean


def _genre_shift(train: list[Song], genre: str, mean: Tensor) -> Tensor:
    rows = torch.stack([song.versions["finished"].mean(0) for song in train if song.genre == genre])
    return (rows.mean(0) - mean) * len(rows) / (len(rows) + GENRE_SONGS)


def _examples(train: list[Song]) -> FitExamples:
    """Rows of the training songs; a row without a rough has the finished version and no target."""
    finished, numbers, damaged, rough, knobs, mask = [], [], [], [], [], []
    size = next(song.knobs.shape[1] for song in train if len(song.knobs))
    for number, song in enumerate(train):
        for n, broken in enumerate(song.damaged):
            known = n < len(song.rough)
            finished.append(song.base)
            numbers.append(number)
            damaged.append(broken)
            rough.append(song.rough[n] if known else song.base)
            knobs.append(song.knobs[n] if known else torch.zeros(size))
            mask.append(torch.full((size,), known))
    profiles = torch.stack(finished)
    neutral = load_console("classic").neutral
    return FitExamples(
        profiles,
        torch.tensor(numbers),
        torch.full_like(profiles, math.nan),
        torch.stack(rough),
        torch.stack(knobs) + neutral,
        torch.stack(mask),
        torch.stack(damaged),
    )


class Judge:
    """Moves of finished songs and shares of damage mended, by the exact response of the filters."""

    def __init__(self, songs: list[Song], console: Console) -> None:
        self.console, self.names = console, [knob.name for knob in console.knobs]
        self.folds = np.array([song.fold for song in songs])
        self.versions = {
            name: np.stack([song.versions[name].mean(0).double().numpy() for song in songs])
            for name in songs[0].versions
        }
        self.bands = len(third_octave_centres(RATE))
        self.damages = [name for name in self.versions if name not in ("finished", "crushed")]

    def gains_db(self, knobs: Knobs) -> np.ndarray:
        """Gain of each third of an octave, and of the side: [songs, bands + 1], dB."""
        positions = torch.from_numpy(knobs).float() + self.console.neutral
        values = {
            knob.name: knob.to_physical(positions[:, n].clamp(0, 1)).double()
            for n, knob in enumerate(self.console.knobs)
        }
        designs = (
            filters.low_shelf(values["low_eq"], 120.0, 1.0, RATE),
            filters.peak(values["mid_eq"], 1000.0, 0.7, RATE),
            filters.high_shelf(values["high_eq"], 8000.0, 1.0, RATE),
            filters.peak(20 * values["presence"].log10(), 5000.0, 1.0, RATE),
        )
        z = np.exp(-2j * np.pi * np.array(third_octave_centres(RATE)) / RATE)
        powers = np.stack([np.ones_like(z), z, z * z])
        gain = sum(
            20 * np.log10(np.abs((b.numpy() @ powers) / (a.numpy() @ powers))) for b, a in designs
        )
        return np.c_[gain, 20 * values["stereo_width"].log10().numpy()]

    def apply(self, profiles: np.ndarray, knobs: Knobs) -> np.ndarray:
        """Profiles after the equaliser and the width, [songs, F]."""
        gain, result = self.gains_db(knobs), profiles.copy()
        before = profiles[:, : self.bands]
        level = before + gain[:, :-1]
        power, old_power = ((10 ** (x / 10)).sum(1, keepdims=True) for x in (level, before))
        result[:, : self.bands] = level - 10 * np.log10(power / old_power)  # at one level
        result[:, self.bands : 2 * self.bands] += gain[:, -1:]
        return result

    def moved_db(self, knobs: Knobs) -> np.ndarray:
        """Largest change of a third of an octave of the finished songs, at one level: [songs]."""
        finished = self.versions["finished"]
        change = self.apply(finished, knobs) - finished
        return np.abs(change[:, : self.bands]).max(1)

    def shares(self, by_version: dict[str, Knobs]) -> np.ndarray:
        """Share of each damage mended, −1 to 1: [damages, songs]."""
        rows = []
        for name in self.damages:
            part = slice(self.bands, 2 * self.bands) if "width" in name else slice(self.bands)
            finished, damaged = (self.versions[n][:, part] for n in ("finished", name))
            mended = self.apply(self.versions[name], by_version[name])[:, part]
            before, after = (np.sqrt(np.square(x - finished).mean(1)) for x in (damaged, mended))
            rows.append(np.clip(1 - after / np.maximum(before, 1e-6), -1, 1))
        return np.stack(rows)

    def bound(self) -> np.ndarray:
        """Shares with the best knobs for each damage, found by least squares: [damages, songs]."""
        index = [self.names.index(name) for name in (*EQ_KNOBS, "stereo_width")]
        unit = np.zeros((len(index), len(self.names)))
        unit[np.arange(len(index)), index] = 0.1
        response = self.gains_db(unit) * 10
        response[:, :-1] -= response[:, :-1].mean(1, keepdims=True)
        best = {}
        for name in self.damages:
            change = self.versions["finished"] - self.versions[name]
            level, width = change[:, : self.bands], change[:, self.bands : 2 * self.bands]
            wanted = np.c_[level - level.mean(1, keepdims=True), width.mean(1)]
            knobs = np.zeros((len(change), len(self.names)))
            knobs[:, index] = np.linalg.lstsq(response.T, wanted.T, rcond=None)[0].T
            best[name] = self._limited(knobs)
        return self.shares(best)

    def _limited(self, knobs: Knobs) -> Knobs:
        neutral = self.console.neutral.numpy()
        return np.clip(knobs, -neutral, 1 - neutral)

    def curve(self, variants: Variants, name: str = "") -> dict[float, dict[str, Any]]:
        """For each share of finished songs that may move: what moves, and the shares mended.

        The setting for the songs of a fold is the best one on the songs of the other folds. The
        smallest move of evidence is its own setting, a share of a knob's range; other systems have
        the better of that and of one in dB.
        """
        rows = self._rows(variants, ("share",) if name.startswith("evidence") else ("share", "dB"))
        moved = np.stack([row["moved"] for row in rows])
        shares = np.stack([row["shares"].mean(0) for row in rows])
        curve = {}
        for limit in LIMITS:
            result = {"moved": np.zeros(moved.shape[1]), "shares": np.zeros_like(rows[0]["shares"])}
            for fold in set(self.folds):
                tested = self.folds == fold
                others = ~tested if len(set(self.folds)) > 1 else tested
                allowed = moved[:, others].mean(1) <= limit + 1e-9
                best = np.where(allowed, shares[:, others].mean(1), -np.inf).argmax()
                result["moved"][tested] = moved[best, tested]
                result["shares"][:, tested] = rows[best]["shares"][:, tested]
            curve[limit] = result
        return curve

    def setting(self, variants: Variants, wanted: Setting) -> dict[str, Any]:
        """What one setting of evidence moves and mends on all songs."""
        rows = self._rows({wanted.variant: variants[wanted.variant]}, ("share",))
        return next(
            row for row in rows if (row["factor"], row["least"]) == (wanted.factor, wanted.least)
        )

    def _rows(self, variants: Variants, units: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            row | {"variant": variant}
            for variant, by_version in variants.items()
            for factor in FACTORS
            for unit in units
            for row in self._settings(factor, by_version, unit)
        ]

    def _settings(
        self, factor: float, by_version: dict[str, Knobs], unit: str
    ) -> list[dict[str, Any]]:
        """A row for each smallest move: a song whose move is smaller is left alone."""
        knobs = {name: self._limited(factor * one) for name, one in by_version.items()}
        sizes = {
            name: np.abs(one if unit == "share" else self.gains_db(one) / LEAST_UNIT_DB).max(1)
            for name, one in knobs.items()
        }
        shares, moved_db = self.shares(knobs), self.moved_db(knobs["finished"])
        damaged = np.stack([sizes[name] for name in self.damages])
        return [
            {
                "factor": factor,
                "least": least,
                "moved": (moved_db > MOVED_DB) & (sizes["finished"] >= least),
                "shares": np.where(damaged >= least, shares, 0.0),
            }
            for least in LEAST
        ]

    def limits_kept(self, songs: list[Song], setting: dict[str, Any], console: Console) -> str:
        """What the setting does to finished songs, and what a second pass does."""
        first: dict[str, Knobs] = {}
        second: dict[str, Knobs] = {}
        for fold in sorted({song.fold for song in songs}):
            model = Evidence(len(console.knobs), RATE, n_damages=4096, n_support=MAX_SUPPORT)
            model.amount, model.min_correction = setting["factor"], setting["least"]
            model.damage_probability, model.regression_share = setting["variant"]
            model.fit(_examples([song for song in songs if song.fold != fold]), console.neutral)
            tested = [n for n, song in enumerate(songs) if song.fold == fold]
            blind = torch.full((len(tested),), CONDITIONS.index("blind"))
            for name, profiles in self.versions.items():
                x = profiles[tested]
                for passes in (first, second):
                    rough = torch.from_numpy(x).float()
                    found = model.correction(rough, rough, blind).numpy()
                    into = passes.setdefault(name, np.zeros((len(songs), len(self.names))))
                    into[tested] = self._limited(found)
                    x = self.apply(x, into[tested])
        sizes = [
            np.concatenate([np.abs(x).max(1) for x in one.values()]) for one in (first, second)
        ]
        moved = sizes[0] > 0
        again = sizes[1][moved] / sizes[0][moved]
        touched = np.abs(first["finished"]).max(1) > 0
        width_db = np.abs(self.gains_db(first["finished"])[:, -1])
        names = ("probability", "share", "factor", "least")
        values = (*setting["variant"], setting["factor"], setting["least"])
        chosen = ", ".join(f"{n} {v:g}" for n, v in zip(names, values, strict=True))
        return (
            f"At the default ({chosen}), {100 * touched.mean():.1f} % of finished songs are "
            f"changed at all; width within 5 % in {100 * np.mean(width_db <= WIDTH_LIMIT_DB):.0f} "
            f"%. Second pass: within 20 % of the first in {100 * np.mean(again <= 0.2):.0f} % of "
            "the changed songs."
        )

    def table(self, curves: dict[str, dict[float, dict[str, Any]]]) -> str:
        """Markdown: share mended at each point, and the difference of evidence to each system."""
        columns = ["point", "system", "finished songs moved", *self.damages, "mean"]
        lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
        for point in POINTS:
            for name, curve in curves.items():
                lines.append(self.row(f"{point:.0%}", name, curve[point]))
        shares = self.bound()
        cells = [f"{100 * value:.0f}" for value in shares.mean(1)]
        lines.append("| – | best knobs | – | " + " | ".join([*cells, _mean(shares)]) + " |")
        lines += ["", "| point | evidence over | difference, 95 % over songs |"]
        lines.append("|---|---|---|")
        for point in POINTS:
            ours = curves["evidence"][point]["shares"].mean(0)
            for name, curve in curves.items():
                if name != "evidence":
                    difference = ours - curve[point]["shares"].mean(0)
                    lines.append(f"| {point:.0%} | {name} | {_interval(difference)} |")
        return "\n".join(lines)

    def row(self, point: str, name: str, result: dict[str, Any]) -> str:
        """Of the table: shares of finished songs that move, and of each damage that is mended."""
        shares = result["shares"]
        cells = [point, name, f"{result['moved'].mean():.0%}"]
        cells += [f"{100 * value:.0f}" for value in shares.mean(1)]
        return "| " + " | ".join([*cells, _mean(shares)]) + " |"


def _champion(files: list[Path], songs: list[Song]) -> dict[str, Knobs]:
    """Knobs of a packaged model for all songs, from the files of `evidence_champion.py`."""
    known: dict[int, dict[str, Tensor]] = {}
    for file in files:
        known |= torch.load(file)
    missing = [number for number in range(len(songs)) if number not in known]
    if missing:
        raise ValueError(f"--champion: {len(missing)} songs are missing, such as {missing[0]}")
    rows = [known[number] for number in range(len(songs))]
    found = {name: torch.stack([row[name] for row in rows]).numpy() for name in rows[0]}
    return found | {
        name: 0.0 * found["finished"] for name in songs[0].versions if name not in found
    }


def _mean(shares: np.ndarray) -> str:
    return _interval(shares.mean(0))


def _interval(values: np.ndarray) -> str:
    """Mean in percent with its 95 % interval over songs."""
    rng = np.random.default_rng(0)
    draws = [rng.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{100 * values.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _plot(
    curves: dict[str, dict[float, dict[str, Any]]],
    judge: Judge,
    default: dict[str, Any],
    path: Path,
) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for name, curve in curves.items():
        shares = [100 * row["shares"].mean() for row in curve.values()]
        style = "-" if name == "evidence" else ":" if name.startswith("evidence") else "--"
        moved = [100 * row["moved"].mean() for row in curve.values()]
        axes.plot(moved, shares, style, label=name)
    chosen = [100 * default[key].mean() for key in ("moved", "shares")]
    axes.plot(*chosen, "k*", markersize=10, label="default")
    axes.set_xlabel("finished songs that move by more than 0.5 dB (held-out folds), %")
    axes.set_ylabel("share of the damage mended, %")
    axes.set_title(f"best knobs: {100 * judge.bound().mean():.0f} %", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
