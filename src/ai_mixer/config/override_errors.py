"""Words of the command line that name nothing: one line that says what there is."""

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.argument_validation import accepts_argument
from ai_mixer.config.folder import config_folder


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse words that cannot be read, and names of pages that are not there.

    Hydra passes over a missing page of an optional group: `debug=fst` would train at full length.
    ValueError in one line.
    """
    for word in overrides:
        for name in _selected_options(_parse_override(word)):
            _check_option(word, _override_key(word), name)


def explain_hydra_error(error: HydraException, config_name: str, overrides: Sequence[str]) -> str:
    """What Hydra says about the words of stage `page`, in one line."""
    text = " ".join(str(error).split())
    if found := re.search(r"Could not (?:override|delete from config\.|delete) '([^'=]+)", text):
        return _describe_unknown_key(found[1], config_name, overrides)
    if found := re.search(r"An item is already at '([^']+)'", text):
        word = _find_override(found[1], overrides)
        return f"{word}: {found[1]} is there already: change it without the +"
    if found := re.search(r"(?:Ambiguous value for argument|Sweep parameters) '([^']+)'", text):
        return f"{found[1]}: several values: give one, a list in brackets, or text in quotes"
    if error.__cause__ is not None and not text:
        return " ".join(str(error.__cause__).split())
    return text.partition(" Config search path:")[0]


def format_make_command(overrides: Iterable[str], target: str = "train") -> str:
    """What to type for these words of a training, or of another target."""
    return " ".join([f"make {target}", *map(shlex.quote, overrides)])


def compose_group_choices(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """What the words choose, without the values they set."""
    chosen = [word for word in overrides if _override_key(word) in config_groups()]
    with _hydra_context():
        try:
            return hydra.compose(f"stage/{config_name}", chosen)
        except HydraException:  # a group that this stage has not
            return hydra.compose(f"stage/{config_name}")


def group_options(group: str) -> list[str]:
    """The pages of a config group."""
    return sorted(config_name.stem for config_name in (config_folder() / group).glob("*.yaml"))


def config_groups() -> list[str]:
    """All config groups: `model`, `loss/term` … A page of `stage` is no option: it is composed."""
    root = config_folder()
    names = (folder.relative_to(root).as_posix() for folder in root.glob("*/**/"))
    return sorted(name for name in names if name != "stage")


def _parse_override(word: str) -> Override:
    try:
        if word.startswith("="):
            raise HydraException("no name")
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ValueError(_describe_syntax_error(word)) from error


def _describe_syntax_error(word: str) -> str:
    if "=" not in word.lstrip("="):
        guesses = [f"{group}={word}" for group in config_groups() if word in group_options(group)]
        meant = f"; did you mean {guesses[0]}?" if guesses else ""
        return f"{word}: is no name=value{meant}"
    for mark in ('"', "'"):
        if word.count(mark) % 2:
            return f"{word}: a quote {mark} is opened and never closed"
    for opening, closing in ("[]", "{}", "()"):
        if word.count(opening) != word.count(closing):
            return f"{word}: {opening} and {closing} do not pair up"
    key, _, value = word.partition("=")
    return f"{word}: cannot be read: put special characters into double quotes: '{key}=\"{value}\"'"


def _selected_options(word: Override) -> list[str]:
    """The pages a word asks for; none if it sets a value."""
    group = word.key_or_group
    if group not in config_groups() or word.is_sweep_override():
        return []
    value = word.value()
    values = value if isinstance(value, list) else [value]
    return [str(name).removesuffix(".yaml") for name in values if name is not None]


def _check_option(word: str, group: str, name: str) -> None:
    if (config_folder() / group / f"{name}.yaml").is_file():
        return
    meant = _did_you_mean(_close_matches(name, group_options(group)))
    known = ", ".join(group_options(group)) or "none"
    raise ValueError(
        f"{word}: there is no such {group}; there are {known} (ls configs/{group}){meant}"
    )


def _describe_unknown_key(key: str, config_name: str, overrides: Sequence[str]) -> str:
    """A key or a group that is not there."""
    word, cfg = _find_override(key, overrides), compose_group_choices(config_name, overrides)
    if "/" in key:
        close = _did_you_mean(_close_matches(key, config_groups()))
        return f"{word}: no such group; there are {', '.join(config_groups())}{close}"
    place, found, name = _resolve_prefix(cfg, key)
    if not isinstance(found, DictConfig):
        return f"{word}: no such key; {place} is a single value, {found}"
    known = [str(known) for known in found if not str(known).startswith("_")]
    has = f"{place or f'configs/stage/{config_name}.yaml'} has {', '.join(known)}"
    if accepts_argument(found.get("_target_"), name):
        return f"{word}: not among the keys ({has}): +{word} adds it"
    same = [path for path in _dotted_keys(cfg) if path.rpartition(".")[2] == name]
    what = "key" if place else "group or key"
    return f"{word}: no such {what}; {has}{_did_you_mean(_close_matches(name, known) or same)}"


def _resolve_prefix(cfg: DictConfig, key: str) -> tuple[str, object, str]:
    """How far a dotted key leads: the place, what is there, and the part that is missing."""
    node: object = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(node, DictConfig) or part not in node:
            return ".".join(parts[:depth]), node, part
        node = node[part]
    return key, node, ""


def _dotted_keys(cfg: DictConfig, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a config."""
    for name in map(str, cfg):
        path = f"{prefix}{name}"
        yield path
        if not OmegaConf.is_interpolation(cfg, name) and isinstance(cfg[name], DictConfig):
            yield from _dotted_keys(cfg[name], f"{path}.")


def _hydra_context() -> AbstractContextManager[object]:
    """Hydra as it is while a stage runs, or one of our own."""
    if GlobalHydra.instance().is_initialized():
        return nullcontext()
    return hydra.initialize_config_dir(str(config_folder()), version_base="1.3")


def _find_override(key: str, overrides: Sequence[str]) -> str:
    """The word as it was typed."""
    return next((word for word in overrides if _override_key(word) == key), key)


def _override_key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~").partition("@")[0]


def _close_matches(name: str, known: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, known, 1, cutoff=0.7)


def _did_you_mean(close: Sequence[str]) -> str:
    return f"; did you mean {close[0]}?" if close else ""


def quote_run_list(overrides: list[str]) -> list[str]:
    """`runs=a,b` as the list that Hydra reads: on its own it would take it for a sweep.

    >>> quote_run_list(["runs=last,12e3", "songs=2"])
    ['runs=["last","12e3"]', 'songs=2']
    """
    return [_quote_runs(word) if word.startswith("runs=") else word for word in overrides]


def _quote_runs(word: str) -> str:
    runs = word.partition("=")[2].strip("[]").split(",")
    texts = [run.strip().strip("'\"") for run in runs]
    return f"runs=[{','.join(chr(34) + text + chr(34) for text in texts if text)}]"
