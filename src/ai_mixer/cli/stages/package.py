"""Package: a trained model laid into the package, small, with a card that says what it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.overrides import format_make_command
from ai_mixer.evaluation.leaderboard.evaluate import REFINED_SUFFIX
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import Store, find_run, save_model
from ai_mixer.tracking.int8 import quantize
from ai_mixer.tracking.model_files import load_model_files
from ai_mixer.tracking.overrides import (
    LOCATIONS,
    OVERRIDES_FILE,
    is_path,
    publishable,
    stored_overrides,
)
from ai_mixer.tracking.run_lookup import fold_model_folders
from ai_mixer.training.builders import run_override
from ai_mixer.training.calibration import mean_factors
from ai_mixer.utils.markdown import to_markdown

PATH_KEYS = ("paths", "callbacks", "trainer", "optimizer", "scheduler", "evaluate", "render")
TABLES = {  # beside the leaderboard: what they say, and the floors that are shown
    "knobs": ("Knobs (protocol K):", ("mean_knobs", "ridge", "trees")),
    "sound": (
        "Closeness to the finished version, roughs by another processor (protocol A):",
        ("rough", "mean_knobs", "spectrum_match"),
    ),
}
CARD_TEMPLATE = """\
# {title}

{about}

## Training data

{data}

Command: `{command}`. The weights are stored with eight bits each (`make package`).

## Evaluation

{figures}
## Limits

{limits}
"""
CROSS_VALIDATION_NOTE = """\
Cross-validation{folds}: the same recipe trained on the other folds, with songs, artists and corpora
apart, and evaluated on the one left out (`make leaderboard`), next to baselines.
"""
SHARE_ALIKE = "Licences with SA are share-alike: the weights are offered under the same terms."


def package(
    folder: Path,
    run: Path,
    name: str,
    about: str,
    board: Path | None,
    row: str | None = None,
    folds: Sequence[Path] = (),
) -> Path:
    """Write `folder`/`name`: weights in eight bits, model.json without places, and card.md.

    row: of the leaderboard, the same recipe judged; default: the one called like the model. folds:
    that recipe's models of every fold, whose calibration it takes over; default: its own.
    """
    figures = _leaderboard_rows(row or name, board, len(folds))  # before anything is replaced
    weights, card = load_model_files(run)
    config = _without_paths({k: v for k, v in card["config"].items() if k not in PATH_KEYS})
    small = {key: value for key, value in card.items() if key != "weights_sha256"}
    if folds:
        known = [load_model_files(fold)[1].get("calibration") for fold in folds]
        small["calibration"] = mean_factors([one for one in known if one]) or None
    target = save_model(folder / name, quantize(weights), {**small, "config": config})
    page = CARD_TEMPLATE.format(
        title=pretrained.display_name(name),
        about=about,
        data=_training_data(run, card),
        command=_training_command(run),
        figures=figures,
        limits=limits(small),
    )
    (target / "card.md").write_text(page, encoding="utf-8")
    load_model(target)  # as a stranger would
    return target


def _without_paths(part: Any, key: str = "") -> Any:
    """A config that says nothing of where it was made: roots are unknown, folders relative."""
    if isinstance(part, dict):
        return {name: _without_paths(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [_without_paths(value, key) for value in part]
    if not is_path(part, key):
        return part
    return None if key in LOCATIONS else Path(part).name


def _training_data(run: Path, card: Mapping[str, Any]) -> str:
    """What the run's own files say of its songs: collection, splits, genres, licences."""
    name = card["config"].get("data", {}).get("name", "unknown")
    lines = [f"Collection: `data={name}`."]
    if (file := run / "split.csv").is_file():
        songs = pd.read_csv(file)
        lines.append(
            f"{len(songs)} recordings: {_counts(songs['split'], 'none')}. "
            f"Genres: {_counts(songs['genre'], 'unknown')}."
        )
    if (file := run / "manifest.csv").is_file():
        songs = pd.read_csv(file)
        licences = songs["licence"] if "licence" in songs else pd.Series(None, songs.index)
        lines.append(f"Licences: {_counts(licences, 'not stated')}.")
        if licences.str.contains(r"\bSA\b", na=False).any():
            lines.append(SHARE_ALIKE)
    return "\n".join([*lines, "The music is not part of this package."])


def _counts(values: pd.Series, missing: str) -> str:
    """`rock (3), jazz (1)`, the most frequent first."""
    counted = Counter(values.astype(object).fillna(missing)).most_common()
    return ", ".join(f"{value} ({count})" for value, count in counted)


def limits(card: Mapping[str, Any]) -> str:
    """What a model cannot do, from its model.json."""
    trained = card["trained"]
    masked = [knob["name"] for knob in card["knobs"] if knob["name"] not in trained]
    lines = [f"- It sets {', '.join(trained)}."]
    if masked:
        lines.append(
            f"- Masked in training, so never learned: {', '.join(masked)}. They stay at neutral."
        )
    if card.get("calibration"):
        lines.append(
            "- Where it is uncertain, a knob moves less far from neutral "
            "(`ai_mixer.inference.shrinkage`)."
        )
    return "\n".join([*lines, "- It does not repair noise, clipping, timing or a poor recording."])


def _leaderboard_rows(row: str, board: Path | None, folds: int) -> str:
    """Rows of the leaderboard: the floors and the model. ValueError if it is not on it."""
    if board is None:
        return "Not on the leaderboard yet.\n"
    parts = [CROSS_VALIDATION_NOTE.format(folds=f" in {folds} folds" if folds else "")]
    for table, (what, floors) in TABLES.items():
        file = board.with_name(f"{board.stem}-{table}.csv")
        if not file.is_file():
            continue
        numbers = pd.read_csv(file, index_col="system")
        shown = [name for name in (*floors, row, row + REFINED_SUFFIX) if name in numbers.index]
        if row not in shown:
            raise ValueError(f"{file} has no row {row}: only {', '.join(map(str, numbers.index))}")
        parts.append(f"{what}\n\n{to_markdown(numbers.loc[shown])}")
    if len(parts) == 1:
        raise ValueError(f"leaderboard={board}: no table beside it, `make leaderboard` makes them")
    return "\n".join(parts)


def _training_command(run: Path) -> str:
    if not (run / OVERRIDES_FILE).is_file():  # an ensemble knows its members, not their runs
        members = load_model_files(run)[1]["config"]["model"].get("members", ())
        kinds = [member["_target_"].split(".")[-2] for member in members]
        return f"make ensemble runs=… (of {', '.join(kinds) or 'unknown models'})"
    return format_make_command(publishable(stored_overrides(run)))


def _folds(cfg: DictConfig) -> list[Path]:
    """The models of the cross-validation that is asked for, if one is."""
    if cfg.folds is None:
        return []
    found = fold_model_folders(run_override(cfg, "folds"), Store(cfg.paths.mlruns))
    if not found:
        raise ValueError(f"folds={cfg.folds}: is no finished cross-validation (make train cv=5 …)")
    return list(found.values())


@stage("package")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.package run=ID name=NAME about=SENTENCE`."""
    run = find_run(run_override(cfg), cfg.paths.mlruns)
    board = None if cfg.leaderboard is None else Path(cfg.leaderboard)
    folds = _folds(cfg)
    target = package(
        pretrained.MODELS_DIR, run, cfg.name, cfg.about, board, cfg.leaderboard_entry, folds
    )
    if cfg.make_default:
        (pretrained.MODELS_DIR / "champion.txt").write_text(f"{cfg.name}\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
