"""The exam: on each fold's test songs every row's model of that fold, beside floors fitted anew."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.model import Guest, Model
from ai_mixer.evaluation.baselines.refined import Refined
from ai_mixer.evaluation.baselines.registry import take_part
from ai_mixer.evaluation.baselines.system import System
from ai_mixer.evaluation.evaluator import judged
from ai_mixer.evaluation.knob_predictions import said
from ai_mixer.evaluation.leaderboard.entries import Row
from ai_mixer.inference.predictor import Mixer
from ai_mixer.training.builders import held_out

REFINED = ", refined"  # behind a row's title
FLOORS = ("mean_knobs", "ridge", "trees")  # of the knobs
SOUND = ("rough", "loudness_only", "mean_knobs", "spectrum_match")  # of the sound
HEARD = ("blind", "reference")  # where nobody knows the knobs, nobody has the finished version


class Exam(NamedTuple):
    """What is asked: excerpts of each recording, and for the floors examples of other songs.

    refined: titles of the rows whose answers are judged refined, too; of several seeds the first.
    """

    excerpts_per_song: int = 1
    examples: int = 960
    seed: int = 0
    refined: tuple[str, ...] = ()


class Marks(NamedTuple):
    """Records of all folds: on roughs of our own console, and on those of another processor."""

    knobs: pd.DataFrame
    sound: pd.DataFrame


def examine(
    rows: Sequence[Row], folds: Sequence[str], exam: Exam, roughs: DictConfig | None = None
) -> Marks:
    """Every fold's songs by the models that never met them.

    roughs: a data config of before-and-after pairs of the same songs (`make roughs split=all`);
    without it there are no records of sound.
    """
    marks: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for fold in folds:
        judge, guests = _guests(rows, fold, exam.refined)
        loader = {"held_out_per_song": exam.excerpts_per_song, "seed": exam.seed}
        songs = held_out(judge.config, judge.console, None, "reference", **loader).dataset("test")
        floors = _floors(FLOORS, judge, exam)
        asked = {**floors, **guests}
        title = f"fold {fold}: knobs"
        marks[0].append(said(asked, CONDITIONS, judge.console, songs, title))
        if roughs is None:
            continue
        pairs = held_out(judge.config, judge.console, roughs, "reference", **loader)
        known = {song.song for song in songs.songs}
        theirs = pairs.dataset("test")
        # Whatever side their manifest puts them on: here the fold decides.
        theirs.songs = [song for song in pairs.source.songs() if song.song in known]
        asked = {**_floors(SOUND, judge, exam), **guests}
        title = f"fold {fold}: another processor's roughs"
        marks[1].append(judged(asked, HEARD, judge.console, theirs, title)[0])
    return Marks(*(_together(records, rows) for records in marks))


def _guests(
    rows: Sequence[Row], fold: str, refined: Sequence[str]
) -> tuple[Mixer, dict[str, System]]:
    """Whose knobs are the truth's, and who takes part."""
    mixers = {(row.title, name): one for row in rows for name, one in row.mixers(fold).items()}
    judge = next(iter(mixers.values()))
    guests: dict[str, System] = {name: Guest(Model(m), judge) for (_, name), m in mixers.items()}
    first = {title: (name, mixer) for (title, name), mixer in reversed(mixers.items())}
    for title in refined:
        if title in first:  # one seed of it: refining costs more than all else together
            name, mixer = first[title]
            guests[name + REFINED] = Guest(Refined(mixer), judge)
    return judge, guests


def _floors(names: Sequence[str], judge: Mixer, exam: Exam) -> dict[str, System]:
    ready, missing = take_part(names, judge, examples=exam.examples, fitted_excerpts=0)
    if missing:
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    return ready


def _together(records: Sequence[pd.DataFrame], rows: Sequence[Row]) -> pd.DataFrame:
    """All folds; of a row with several seeds the mean over its seeds, excerpt by excerpt."""
    if not records:
        return pd.DataFrame()
    table = pd.concat(records, ignore_index=True)
    titles = {
        f"{row.title} {seed}{end}": row.title + end
        for row in rows
        for seed in row.seeds
        for end in ("", REFINED)
    }
    table["take"] = table.groupby(["condition", "system", "song_id"]).cumcount()
    table["system"] = table["system"].map(lambda name: titles.get(name, name))
    key = ["song_id", "take", "genre", "condition", "system"]
    return table.groupby(key, sort=False).mean().reset_index().drop(columns="take")
