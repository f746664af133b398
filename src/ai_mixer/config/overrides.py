"""Lists of overrides (`model=cnn`, `+trainer.x=1`) and the config groups that they select from."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig

from ai_mixer.config.folder import config_folder, config_folders
from ai_mixer.config.renamed import is_old_option
from ai_mixer.config.search_path import register_search_path


def merge_overrides(stored: Iterable[str], new: Iterable[str] = ()) -> list[str]:
    """Merge two lists of overrides; of several overrides of a key the last one counts.

    It takes the position of the first one.

    >>> merge_overrides(["model=cnn", "+x=1", "seed=7"], ["seed=9", "+x=2", "model.channels=8"])
    ['model=cnn', '+x=2', 'seed=9', 'model.channels=8']
    """
    both = [*stored, *new]
    return list({_parse(override).get_key_element(): override for override in both}.values())


def without_keys(overrides: Iterable[str], *keys: str) -> list[str]:
    """Remove the overrides of some keys.

    >>> without_keys(["ckpt_path=last", "seed=1", "++ckpt_path=x"], "ckpt_path")
    ['seed=1']
    """
    return [override for override in overrides if override_key(override) not in keys]


def sets_key(overrides: Iterable[str], *keys: str) -> bool:
    """Whether an override sets one of these keys to a value other than null.

    >>> sets_key(["ckpt_path=last"], "ckpt_path"), sets_key(["resume=null"], "resume")
    (True, False)
    """
    pairs = (override.partition("=")[::2] for override in overrides)
    return any(key in keys and value != "null" for key, value in pairs)


def is_sweep_override(override: str) -> bool:
    """Whether an override has several values."""
    return _parse(override).is_sweep_override()


def with_search_overrides(overrides: Iterable[str]) -> list[str]:
    """Move overrides with several values to `search_overrides=[…]`, so that Hydra can compose.

    >>> with_search_overrides(["seed=1", "model.dropout=0.1,0.3"])
    ['seed=1', 'search_overrides=["model.dropout=0.1,0.3"]']
    """
    overrides = list(overrides)
    searched = [text for text in overrides if is_sweep_override(text)]
    if not searched:
        return overrides
    listed = ",".join(QuotedString(text, Quote.double).with_quotes() for text in searched)
    return [*(text for text in overrides if text not in searched), f"search_overrides=[{listed}]"]


def override_key(override: str) -> str:
    """Return the dotted key or config group that an override changes, adds or deletes.

    >>> override_key("+trainer.max_epochs=3"), override_key("loss/term@terms=knobs")
    ('trainer.max_epochs', 'loss/term')
    """
    return _parse(override).key_or_group


def quote_run_list(overrides: list[str]) -> list[str]:
    """Write `runs=a,b` as a list of quoted strings; Hydra would read it as a sweep.

    >>> quote_run_list(["runs=last,12e3", "songs=2"])
    ['runs=["last","12e3"]', 'songs=2']
    """
    return [
        _quote_runs(override) if override.startswith("runs=") else override
        for override in overrides
    ]


def config_groups() -> list[str]:
    """Return all selectable config groups (`model`, `loss/term` …).

    Not `stage`, nor the folders of the consoles below `ranges`.
    """
    names = (
        folder.relative_to(root).as_posix()
        for root in config_folders()
        for folder in root.glob("*/**/")
    )
    return sorted({n for n in names if n != "stage" and not n.startswith("ranges/")})


def group_options(group: str) -> list[str]:
    """Return the options of a config group."""
    names = {file.stem for root in config_folders() for file in (root / group).glob("*.yaml")}
    return sorted(name for name in names if not is_old_option(group, name))


def compose_group_choices(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose `stage/<config_name>` with the overrides of config groups only."""
    groups = config_groups()
    chosen = tuple(override for override in overrides if override_key(override) in groups)
    return _composed_choices(config_name, chosen, config_folders())


@lru_cache(maxsize=64)  # a sweep starts hundreds of trainings, and composing takes 0.1 s
def _composed_choices(
    config_name: str, chosen: tuple[str, ...], _folders: tuple[Path, ...]
) -> DictConfig:
    with _hydra_context():
        try:
            return hydra.compose(f"stage/{config_name}", list(chosen))
        except HydraException:  # the stage does not use one of the groups
            return hydra.compose(f"stage/{config_name}")


def _parse(override: str) -> Override:
    return OverridesParser.create().parse_override(override)


def _quote_runs(override: str) -> str:
    runs = override.partition("=")[2].strip("[]").split(",")
    names = [run.strip().strip("'\"") for run in runs]
    quoted = ",".join(f'"{name}"' for name in names if name)
    return f"runs=[{quoted}]"


def _hydra_context() -> AbstractContextManager[object]:
    """Use Hydra's state while a stage runs, else initialise it."""
    register_search_path()
    if GlobalHydra.instance().is_initialized():
        return nullcontext()
    return hydra.initialize_config_dir(str(config_folder()), version_base="1.3")
