"""One-line messages for overrides that cannot be parsed or that name unknown keys or options."""

import difflib
import re
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.argument_validation import accepts_argument
from ai_mixer.config.folder import config_folders
from ai_mixer.config.overrides import compose_group_choices, config_groups, group_options


def check_overrides(overrides: Sequence[str]) -> None:
    """Check the syntax of overrides and the existence of selected options.

    Hydra ignores a missing option of an optional group: `debug=fst` would train at full length.
    ValueError in one line.
    """
    for override in overrides:
        for option in _selected_options(_parse_override(override)):
            _check_option(override, _key_text(override), option)


def explain_hydra_error(error: HydraException, config_name: str, overrides: Sequence[str]) -> str:
    """Rewrite Hydra's error about the overrides of stage `config_name` as one line."""
    text = " ".join(str(error).split())
    if match := re.search(r"Could not (?:override|delete from config\.|delete) '([^'=]+)", text):
        return _describe_unknown_key(match[1], config_name, overrides)
    if match := re.search(r"An item is already at '([^']+)'", text):
        override = _find_override(match[1], overrides)
        return f"{override}: {match[1]} exists already: change it without the +"
    if match := re.search(r"(?:Ambiguous value for argument|Sweep parameters) '([^']+)'", text):
        return f"{match[1]}: several values: give one, a list in brackets, or text in quotes"
    if match := re.search(r"Could not find 'ranges/\.\./ranges/([^']+)/([^'/]+)'", text):
        return (
            f"ranges={match[2]}: console {match[1]} has no such ranges: "
            f"write configs/ranges/{match[1]}/{match[2]}.yaml, or choose others of its folder"
        )
    if error.__cause__ is not None and not text:
        return " ".join(str(error.__cause__).split())
    return text.partition(" Config search path:")[0]


def _parse_override(override: str) -> Override:
    try:
        if override.startswith("="):
            raise HydraException("no name")
        return OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ValueError(_describe_syntax_error(override)) from error


def _describe_syntax_error(override: str) -> str:
    if "=" not in override.lstrip("="):
        groups = [group for group in config_groups() if override in group_options(group)]
        suggestion = _did_you_mean([f"{group}={override}" for group in groups])
        return f"{override}: not of the form name=value{suggestion}"
    for mark in ('"', "'"):
        if override.count(mark) % 2:
            return f"{override}: a quote {mark} is not closed"
    for opening, closing in ("[]", "{}", "()"):
        if override.count(opening) != override.count(closing):
            return f"{override}: unbalanced {opening} and {closing}"
    key, _, value = override.partition("=")
    return (
        f"{override}: cannot be parsed: "
        f"put special characters into double quotes: '{key}=\"{value}\"'"
    )


def _selected_options(override: Override) -> list[str]:
    """Options that an override selects; empty if it sets a value."""
    group = override.key_or_group
    if group not in config_groups() or override.is_sweep_override():
        return []
    value = override.value()
    values = value if isinstance(value, list) else [value]
    return [str(name).removesuffix(".yaml") for name in values if name is not None]


def _check_option(override: str, group: str, option: str) -> None:
    if any((root / group / f"{option}.yaml").is_file() for root in config_folders()):
        return
    options = group_options(group)
    suggestion = _did_you_mean(_close_matches(option, options))
    known = ", ".join(options) or "none"
    raise ValueError(
        f"{override}: there is no such {group}; there are {known} (ls configs/{group}){suggestion}"
    )


def _describe_unknown_key(key: str, config_name: str, overrides: Sequence[str]) -> str:
    override = _find_override(key, overrides)
    if "/" in key:
        groups = config_groups()
        suggestion = _did_you_mean(_close_matches(key, groups))
        return f"{override}: no such group; there are {', '.join(groups)}{suggestion}"
    cfg = compose_group_choices(config_name, overrides)
    parent, node, name = _resolve_prefix(cfg, key)
    if not isinstance(node, DictConfig):
        return f"{override}: no such key; {parent} is a single value, {node}"
    known = [str(child) for child in node if not str(child).startswith("_")]
    keys = f"{parent or f'configs/stage/{config_name}.yaml'} has {', '.join(known)}"
    if accepts_argument(node.get("_target_"), name):
        return f"{override}: not among the keys ({keys}): +{override} adds it"
    same_name = [path for path in _dotted_keys(cfg) if path.rpartition(".")[2] == name]
    suggestion = _did_you_mean(_close_matches(name, known) or same_name)
    return f"{override}: no such {'key' if parent else 'group or key'}; {keys}{suggestion}"


def _resolve_prefix(cfg: DictConfig, key: str) -> tuple[str, object, str]:
    """Follow a dotted key as far as it exists: existing prefix, its node, first missing part."""
    node: object = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(node, DictConfig) or part not in node:
            return ".".join(parts[:depth]), node, part
        node = node[part]
    return key, node, ""


def _dotted_keys(cfg: DictConfig, prefix: str = "") -> Iterator[str]:
    """Iterate over all dotted keys of a config."""
    for name in map(str, cfg):
        path = f"{prefix}{name}"
        yield path
        has_value = not (OmegaConf.is_interpolation(cfg, name) or OmegaConf.is_missing(cfg, name))
        if has_value and isinstance(cfg[name], DictConfig):
            yield from _dotted_keys(cfg[name], f"{path}.")


def _find_override(key: str, overrides: Sequence[str]) -> str:
    """Return the override of a key as the user typed it."""
    return next((override for override in overrides if _key_text(override) == key), key)


def _key_text(override: str) -> str:
    """The key of an override that need not be parsable."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def _close_matches(name: str, known: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, known, 1, cutoff=0.7)


def _did_you_mean(names: Sequence[str]) -> str:
    return f"; did you mean {names[0]}?" if names else ""
