"""`resume=` and `attach_to=`: the stored overrides of a study, followed by the new ones."""

from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.config.compose import compose
from ai_mixer.config.overrides import (
    merge_overrides,
    with_search_overrides,
    without_keys,
)
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import load_study, quiet_optuna
from ai_mixer.tuning.sweep_request import check_name

RESUME_KEYS = ("resume", "attach_to")
LOCATION_KEYS = ("storage", "paths.mlruns", "paths.data")


def with_study_overrides(overrides: list[str]) -> list[str]:
    """Put the stored overrides of the study named by resume= or attach_to= before the given ones.

    Without such an override, only `with_search_overrides` is applied. FileNotFoundError or
    ValueError (one line) if the study does not exist.
    """
    names = dict(text.split("=", 1) for text in overrides if text.partition("=")[0] in RESUME_KEYS)
    names = {key: name.strip("'\"") for key, name in names.items() if name != "null"}
    if not names:
        return with_search_overrides(overrides)
    if len(names) > 1:
        raise ValueError(
            "resume= resumes a study, attach_to= adds workers to one: give one of the two"
        )
    ((key, name),) = names.items()
    cfg = _compose(_location_overrides(overrides))
    name = check_name(newest_study(cfg.paths.mlruns) if name == "last" else name)
    storage, file = str(cfg.storage), journal_file(name, cfg.paths.mlruns)
    if storage == "journal" and not file.is_file():
        known = ", ".join(sorted(path.stem for path in file.parent.glob("*.journal"))) or "none"
        raise FileNotFoundError(
            f"{key}={name}: no such study in {file.parent}; studies: {known}. For a study in "
            "another storage, give its storage=…"
        )
    with quiet_optuna():
        _, study_config = load_study(
            open_storage(storage, name, cfg.paths.mlruns, cfg.paths.data), name
        )
    stored, new = (
        without_keys(texts, "study", *RESUME_KEYS)
        for texts in (study_config.overrides, with_search_overrides(overrides))
    )
    return [*merge_overrides(stored, new), f"{key}={name}"]


def resume_command(study: str, overrides: Iterable[str], *changes: str) -> str:
    """Command that resumes a study, with the overrides of its location and further changes."""
    return stage_command("sweep", [f"resume={study}", *_location_overrides(overrides), *changes])


def newest_study(mlruns: str | Path) -> str:
    """The study whose journal was written last. FileNotFoundError if there is none."""
    folder = journal_file("any", mlruns).parent
    files = sorted(folder.glob("*.journal"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f"no study in {folder}: `{stage_command('sweep')}` creates one")
    return files[-1].stem


def _location_overrides(overrides: Iterable[str]) -> list[str]:
    return [text for text in overrides if text.partition("=")[0] in LOCATION_KEYS]


def _compose(overrides: Iterable[str]) -> DictConfig:
    return compose("sweep", overrides)
