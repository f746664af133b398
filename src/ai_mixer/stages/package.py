"""Package: a trained model laid into the package, small, with a card that says what it is."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from ai_mixer import packaged
from ai_mixer.assemble import asked_run
from ai_mixer.board.judging import REFINED
from ai_mixer.command.stage import stage
from ai_mixer.command.words import command_line
from ai_mixer.metrics.markdown import to_markdown
from ai_mixer.mixer import load_model
from ai_mixer.tracking import Store, find_run, save_model
from ai_mixer.tracking.checkpoint import load_model_files
from ai_mixer.tracking.eighths import pack
from ai_mixer.tracking.find import folds_of
from ai_mixer.tracking.overrides import LOCATIONS, OVERRIDES, is_path, publishable, stored_overrides
from ai_mixer.training.calibration import mean_factors

PLACES = ("paths", "callbacks", "trainer", "optimizer", "scheduler", "evaluate", "render")
TABLES = {  # beside the leaderboard: what they say, and the floors that are shown
    "knobs": ("Knobs (protocol K):", ("mean_knobs", "ridge", "trees")),
    "sound": (
        "Closeness to the finished version, roughs by another processor (protocol A):",
        ("rough", "mean_knobs", "spectrum_match"),
    ),
}
PAGE = """\
# {title}

{about}

## What it learned from

{songs} songs of free-licensed music, {data}. Licences: {licences}. The music is not part of this
package; most of its licences are share-alike, and the weights are offered under the same terms.

Made by `{command}`, then written in eight bits a weight (`make package`).

## How good it is

Judged by cross-validation: the same recipe trained on other folds, with songs, artists and corpora
apart, and heard on the one left out ([leaderboard](../../../../docs/leaderboard.md)). Floors beside
it.

{figures}

## What it cannot do

- It sets input gain, compression, three EQ bands, presence, width and level. Reverb and delay it
  never learned: they stay off.
- Blind, it knows level, width and a little of the balance; of middle, presence and compression next
  to nothing. Where it is unsure it holds back (`ai_mixer.caution`).
- Hardly any of its songs is sung; most are electronic, orchestral or game music.
- It repairs balance and level. It does not mend noise, clipping, timing or a poor recording.
"""


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
    page = _page(run, name, about, _figures(row or name, board))  # before anything is replaced
    weights, card = load_model_files(run)
    config = _without_places({k: v for k, v in card["config"].items() if k not in PLACES})
    small = {key: value for key, value in card.items() if key != "weights_sha256"}
    if folds:
        known = [load_model_files(fold)[1].get("calibration") for fold in folds]
        small["calibration"] = mean_factors([one for one in known if one]) or None
    target = save_model(folder / name, pack(weights), {**small, "config": config})
    (target / "card.md").write_text(page, encoding="utf-8")
    load_model(target)  # as a stranger would
    return target


def _without_places(part: Any, key: str = "") -> Any:
    """A config that says nothing of where it was made: roots are unknown, folders relative."""
    if isinstance(part, dict):
        return {name: _without_places(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [_without_places(value, key) for value in part]
    if not is_path(part, key):
        return part
    return None if key in LOCATIONS else Path(part).name


def _page(run: Path, name: str, about: str, figures: str) -> str:
    manifest = pd.read_csv(run / "manifest.csv") if (run / "manifest.csv").is_file() else None
    licences: Counter[str] = Counter()
    if manifest is not None and "licence" in manifest:
        licences = Counter(manifest["licence"].fillna("not stated"))
    told: dict[str, Any] = {
        "title": packaged.display_name(name),
        "about": about,
        "songs": sum(licences.values()) or "unknown",
        "data": "five folds of one collection, nearly all of it for training",
        "licences": ", ".join(f"{licence} ({n})" for licence, n in licences.most_common()),
        "command": _command(run),
        "figures": figures,
    }
    return PAGE.format(**told)


def _figures(row: str, board: Path | None) -> str:
    """Rows of the leaderboard: the floors and the model. ValueError if it is not on it."""
    if board is None:
        return "Not on the leaderboard yet.\n"
    parts = []
    for table, (what, floors) in TABLES.items():
        file = board.with_name(f"{board.stem}-{table}.csv")
        if not file.is_file():
            continue
        numbers = pd.read_csv(file, index_col="system")
        shown = [name for name in (*floors, row, row + REFINED) if name in numbers.index]
        if row not in shown:
            raise ValueError(f"{file} has no row {row}: only {', '.join(map(str, numbers.index))}")
        parts.append(f"{what}\n\n{to_markdown(numbers.loc[shown])}")
    if not parts:
        raise ValueError(f"board={board}: no table beside it, `make leaderboard` makes them")
    return "\n".join(parts)


def _command(run: Path) -> str:
    if not (run / OVERRIDES).is_file():  # an ensemble knows its members, not their runs
        members = load_model_files(run)[1]["config"]["model"].get("members", ())
        kinds = [member["_target_"].split(".")[-2] for member in members]
        return f"make ensemble runs=… (of {', '.join(kinds) or 'unknown models'})"
    return command_line(publishable(stored_overrides(run)))


def _folds(cfg: DictConfig) -> list[Path]:
    """The models of the cross-validation that is asked for, if one is."""
    if cfg.folds is None:
        return []
    found = folds_of(asked_run(cfg, "folds"), Store(cfg.paths.mlruns))
    if not found:
        raise ValueError(f"folds={cfg.folds}: is no finished cross-validation (make train cv=5 …)")
    return list(found.values())


@stage("package")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.stages.package run=ID name=NAME about=SENTENCE`."""
    run = find_run(asked_run(cfg), cfg.paths.mlruns)
    board = None if cfg.board is None else Path(cfg.board)
    folds = _folds(cfg)
    target = package(packaged.HOME, run, cfg.name, cfg.about, board, cfg.row, folds)
    if cfg.champion:
        (packaged.HOME / "champion.txt").write_text(f"{cfg.name}\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
