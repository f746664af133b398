"""`resume=` and `join=`: the words a study was begun with are composed again, then the new ones."""

from collections.abc import Iterable
from pathlib import Path

import hydra
from omegaconf import DictConfig

from ai_mixer.config.folder import config_folder
from ai_mixer.config.override_errors import command_line
from ai_mixer.config.overrides import merge_overrides, without_keys
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import load, quiet_optuna
from ai_mixer.tuning.sweep_request import check_name, with_vary

GOING_ON = ("resume", "join")
WHERE = ("storage", "paths.mlruns", "paths.data")


def with_own_words(typed: list[str]) -> list[str]:
    """What is meant by the words typed: where they name a study, that study's words come first.

    FileNotFoundError or ValueError in one line if there is no such study.
    """
    asked = dict(word.split("=", 1) for word in typed if word.partition("=")[0] in GOING_ON)
    named = {key: name.strip("'\"") for key, name in asked.items() if name != "null"}
    if not named:
        return with_vary(typed)
    if len(named) > 1:
        raise ValueError("resume= goes on with a study, join= works for one: give one of the two")
    ((key, name),) = named.items()
    cfg = _composed([word for word in typed if word.partition("=")[0] in WHERE])
    name = check_name(newest(cfg.paths.mlruns) if name == "last" else name)
    storage, place = str(cfg.storage), journal_file(name, cfg.paths.mlruns)
    if storage == "journal" and not place.is_file():
        known = ", ".join(sorted(path.stem for path in place.parent.glob("*.journal"))) or "none"
        raise FileNotFoundError(
            f"{key}={name}: no such study in {place.parent}; there are: {known}. One begun with "
            "storage=… needs that word again"
        )
    with quiet_optuna():
        _, plan = load(open_storage(storage, name, cfg.paths.mlruns, cfg.paths.data), name)
    own, new = (without_keys(words, "study", *GOING_ON) for words in (plan.typed, with_vary(typed)))
    return [*merge_overrides(own, new), f"{key}={name}"]


def to_go_on(study: str, typed: Iterable[str], *more: str) -> str:
    """What to type to go on with a study, with the words that said where it lies."""
    where = [word for word in typed if word.partition("=")[0] in WHERE]
    return command_line([f"resume={study}", *where, *more], "sweep")


def newest(mlruns: str | Path) -> str:
    """The study whose journal was written last. FileNotFoundError if there is none."""
    folder = journal_file("any", mlruns).parent
    files = sorted(folder.glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f"no study yet in {folder}: make sweep begins one")
    return files[-1].stem


def _composed(words: Iterable[str]) -> DictConfig:
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        return hydra.compose("stage/sweep", list(words))
