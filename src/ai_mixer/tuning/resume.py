"""`resume=` and `attach_to=`: the stored overrides of a study, followed by the new ones."""

from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.config.compose import compose
from ai_mixer.config.overrides import format_make_command, merge_overrides, without_keys
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import load_study, quiet_optuna
from ai_mixer.tuning.sweep_request import check_name, with_vary_override

RESUME_KEYS = ("resume", "attach_to")
LOCATION_KEYS = ("storage", "paths.mlruns", "paths.data")


def with_study_overrides(overrides: list[str]) -> list[str]:
    """What is meant by the words typed: where they name a study, that study's words come first.

    FileNotFoundError or ValueError in one line if there is no such study.
    """
    asked = dict(word.split("=", 1) for word in overrides if word.partition("=")[0] in RESUME_KEYS)
    named = {key: name.strip("'\"") for key, name in asked.items() if name != "null"}
    if not named:
        return with_vary_override(overrides)
    if len(named) > 1:
        raise ValueError(
            "resume= goes on with a study, attach_to= works for one: give one of the two"
        )
    ((key, name),) = named.items()
    cfg = _compose([word for word in overrides if word.partition("=")[0] in LOCATION_KEYS])
    name = check_name(newest_study(cfg.paths.mlruns) if name == "last" else name)
    storage, place = str(cfg.storage), journal_file(name, cfg.paths.mlruns)
    if storage == "journal" and not place.is_file():
        known = ", ".join(sorted(path.stem for path in place.parent.glob("*.journal"))) or "none"
        raise FileNotFoundError(
            f"{key}={name}: no such study in {place.parent}; there are: {known}. One begun with "
            "storage=… needs that word again"
        )
    with quiet_optuna():
        _, study_config = load_study(
            open_storage(storage, name, cfg.paths.mlruns, cfg.paths.data), name
        )
    own, new = (
        without_keys(words, "study", *RESUME_KEYS)
        for words in (study_config.overrides, with_vary_override(overrides))
    )
    return [*merge_overrides(own, new), f"{key}={name}"]


def resume_command(study: str, overrides: Iterable[str], *more: str) -> str:
    """What to type to go on with a study, with the words that said where it lies."""
    where = [word for word in overrides if word.partition("=")[0] in LOCATION_KEYS]
    return format_make_command([f"resume={study}", *where, *more], "sweep")


def newest_study(mlruns: str | Path) -> str:
    """The study whose journal was written last. FileNotFoundError if there is none."""
    folder = journal_file("any", mlruns).parent
    files = sorted(folder.glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f"no study yet in {folder}: make sweep begins one")
    return files[-1].stem


def _compose(words: Iterable[str]) -> DictConfig:
    return compose("sweep", words)
