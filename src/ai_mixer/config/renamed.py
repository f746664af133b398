"""Renamed config keys, options of config groups and `_target_` paths of version 0.1.0.

Stored overrides, configs and model cards with old names are translated when they are read. Old
names on the command line are translated too, with a warning that gives the new name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.renamed_metrics import translate_setting
from ai_mixer.utils.log import logger

_TRAIN = {
    "callbacks.figures": "callbacks.knob_plots",
    "callbacks.figures.every": "callbacks.knob_plots.every_n_epochs",
    "callbacks.system_metrics.every_s": "callbacks.system_metrics.interval_s",
    "ckpt": "ckpt_path",
    "loader.draws": "loader.examples_per_song",
    "loader.ears": "loader.feature_extractor",
    "system.audio_gradient": "system.audio_gradient_clip_norm",
    "system.audio_items": "system.rendered_items",
    "system.every_condition": "system.all_conditions",
    "weights_of": "init_from",
}
_KEYS = {  # stage → old key → new key
    "benchmark": {
        **_TRAIN,
        "measure.live_block": "measure.realtime_block_samples",
        "measure.live_blocks": "measure.realtime_blocks",
        "measure.live_rate": "measure.realtime_rate_hz",
    },
    "ensemble": {"weights_of": "ensemble_weights_from"},
    "evaluate": {"champion": "compare_run"},
    "gc": {"go": "confirm"},
    "leaderboard": {"refined": "refined_entries"},
    "package": {
        "board": "leaderboard",
        "champion": "make_default",
        "row": "leaderboard_entry",
    },
    "sweep": {
        **_TRAIN,
        "beat_s": "heartbeat_interval_s",
        "grace_s": "heartbeat_timeout_s",
        "join": "attach_to",
        "listen": "render_top_k",
        "pages": "output_dir",
        "vary": "search_overrides",
    },
    "train": _TRAIN,
}
_EVERY_STAGE = {"trusted": "allow_targets"}
_OPTIONS = {"loader=kept": "loader=cached"}
_TARGETS = {
    "ai_mixer.augment.augment.Chain": "ai_mixer.augment.augment.Compose",
    "ai_mixer.augment.channels.ChannelSwap": "ai_mixer.augment.channel_swap.ChannelSwap",
    "ai_mixer.augment.image.Image": "ai_mixer.augment.stereo_image.StereoImage",
    "ai_mixer.augment.pitch.PitchShift": "ai_mixer.augment.pitch_shift.PitchShift",
    "ai_mixer.augment.polarity.PolarityFlip": "ai_mixer.augment.polarity_flip.PolarityFlip",
    "ai_mixer.augment.remix.StemRemix": "ai_mixer.augment.stem_remix.StemRemix",
    "ai_mixer.augment.stretch.TimeStretch": "ai_mixer.augment.time_stretch.TimeStretch",
    "ai_mixer.callbacks.early_stop.EarlyStop": (
        "ai_mixer.training.callbacks.early_stopping.ResumableEarlyStopping"
    ),
    "ai_mixer.callbacks.figures.KnobFigures": "ai_mixer.training.callbacks.knob_plots.KnobPlots",
    "ai_mixer.callbacks.last.LastCheckpoint": (
        "ai_mixer.training.callbacks.last_checkpoint.LastCheckpoint"
    ),
    "ai_mixer.callbacks.reseed.Reseed": "ai_mixer.training.callbacks.reseed.Reseed",
    "ai_mixer.callbacks.skipped.CountSkipped": (
        "ai_mixer.training.callbacks.skipped_songs.CountSkipped"
    ),
    "ai_mixer.callbacks.system_metrics.SystemMetrics": (
        "ai_mixer.training.callbacks.system_metrics.SystemMetrics"
    ),
    "ai_mixer.data.kept.KeptData": "ai_mixer.data.cached_datamodule.CachedDataModule",
    "ai_mixer.data.module.MixData": "ai_mixer.data.datamodule.MixDataModule",
    "ai_mixer.data.one_batch.OneBatch": "ai_mixer.data.overfit_batch.OverfitBatchDataModule",
    "ai_mixer.data.pair_folder.PairFolder": "ai_mixer.data.paired_folder.PairedFolder",
    "ai_mixer.losses.Objective": "ai_mixer.losses.WeightedLoss",
    "ai_mixer.losses.balance.Balance": "ai_mixer.losses.balance.SpectralBalanceLoss",
    "ai_mixer.losses.dynamics.Dynamics": "ai_mixer.losses.dynamics.DynamicsLoss",
    "ai_mixer.losses.genre.Genre": "ai_mixer.losses.genre.GenreLoss",
    "ai_mixer.losses.knobs.Knobs": "ai_mixer.losses.knobs.KnobLoss",
    "ai_mixer.losses.perceptual.Perceptual": "ai_mixer.losses.perceptual.PerceptualLoss",
    "ai_mixer.losses.spread.Spread": "ai_mixer.losses.uncertainty.UncertaintyLoss",
    "ai_mixer.losses.waveform.Waveform": "ai_mixer.losses.waveform.WaveformLoss",
    "ai_mixer.models.front_end.FrontEnd": "ai_mixer.models.feature_extractor.FeatureExtractor",
    "ai_mixer.schedules.constant": "ai_mixer.training.schedulers.constant",
    "ai_mixer.schedules.cosine": "ai_mixer.training.schedulers.cosine",
    "ai_mixer.schedules.warm_restarts": "ai_mixer.training.schedulers.warm_restarts",
    "ai_mixer.sweep.grid.Grid": "ai_mixer.tuning.grid_sampler.QueuedGridSampler",
}
_ARGUMENTS = {  # of a class, or of all classes of a package: old argument → new argument
    "ai_mixer.augment": {"disturbs": "invalidates", "side": "version"},
    "ai_mixer.data.cached_datamodule": {
        "draws": "examples_per_song",
        "ears": "feature_extractor",
    },
    "ai_mixer.training.callbacks.knob_plots": {"every": "every_n_epochs"},
    "ai_mixer.training.callbacks.system_metrics": {"every_s": "interval_s"},
}
_CALLBACKS = {"EarlyStop": "ResumableEarlyStopping"}  # classes whose state is in checkpoints
_MOVED = {"ai_mixer/packaged/": "ai_mixer/inference/pretrained/"}  # folders, in values of overrides
_NESTED = ("vary", "search_overrides")  # keys whose value is a list of overrides


def is_old_option(group: str, name: str) -> bool:
    """Whether an option of a config group has another name today: its file is an alias."""
    return f"{group}={name}" in _OPTIONS


def translate_override(stage: str, override: str) -> str:
    """Translate one override of a stage to current names.

    >>> translate_override("train", "ckpt=last"), translate_override("train", "+loader.draws=8")
    ('ckpt_path=last', '+loader.examples_per_song=8')
    >>> translate_override("train", "loader=kept"), translate_override("train", "seed=1")
    ('loader=cached', 'seed=1')
    """
    match = re.fullmatch(r"([+~]*)([^=@]*)(.*)", override, re.DOTALL)
    assert match is not None  # the pattern matches any string
    prefix, key, rest = match.groups()
    if key in _NESTED:
        rest = re.sub(r'"([^"]*)"', lambda m: f'"{translate_override(stage, m[1])}"', rest)
    for old, new in _MOVED.items():
        rest = rest.replace(old, new)
    translated = f"{prefix}{_new_key(stage, key)}{translate_setting(key, rest)}"
    return _OPTIONS.get(translated, translated)


def translate_overrides(stage: str, overrides: Iterable[str]) -> list[str]:
    """Translate stored overrides to current names."""
    return [translate_override(stage, override) for override in overrides]


def translate_typed(stage: str, overrides: Iterable[str]) -> list[str]:
    """Translate overrides of the command line, with a warning for each old name."""
    overrides = list(overrides)
    translated = translate_overrides(stage, overrides)
    for old, new in zip(overrides, translated, strict=True):
        if new != old:
            logger.warning("%s is now %s", old, new)
    return translated


def translate_config(config: Mapping[str, Any], stage: str = "train") -> dict[str, Any]:
    """Translate a plain config to current keys and `_target_` paths; returns a new dict."""
    plain: dict[str, Any] = _translate_node(config)
    for old, new in {**_EVERY_STAGE, **_KEYS.get(stage, {})}.items():
        parent, _, key = old.rpartition(".")
        new_parent, _, new_key = new.rpartition(".")
        node = plain.get(parent) if parent else plain
        if parent == new_parent and isinstance(node, dict) and key in node:
            node[new_key] = node.pop(key)
    return {key: translate_setting(key, value) for key, value in plain.items()}


def translate_composed(cfg: DictConfig, stage: str, overrides: Iterable[str] = ()) -> DictConfig:
    """Translate a composed config: a user's own config files may have old names."""
    plain: Any = OmegaConf.to_container(cfg, resolve=False)
    translated = translate_config(plain, stage)
    if translated == plain:
        return cfg
    old = sorted(_keys(plain) - _keys(translated))
    old += [key for key, value in plain.items() if translate_setting(key, value) != value]
    old = old or ["_target_ paths"]
    logger.warning("a config file has old names: %s", ", ".join(old))
    new = OmegaConf.create(translated)
    for override in overrides:  # they take precedence over the old keys of config files
        key = override.partition("=")[0].lstrip("+")
        value = OmegaConf.select(cfg, key) if "." in key else None
        if value is not None and not OmegaConf.is_config(value):
            OmegaConf.update(new, key, value)
    OmegaConf.set_struct(new, True)
    return new


def translate_callbacks(states: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the keys of callback states in a checkpoint: `<class>` or `<class>{arguments}`."""
    translated = {}
    for key, state in states.items():
        name, brace, arguments = key.partition("{")
        translated[f"{_CALLBACKS.get(name, name)}{brace}{arguments}"] = state
    return translated


def _new_key(stage: str, key: str) -> str:
    """Translate a key by the longest old key that equals it or is a parent of it."""
    keys = {**_EVERY_STAGE, **_KEYS.get(stage, {})}
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        old = ".".join(parts[:length])
        if old in keys:
            return ".".join([keys[old], *parts[length:]])
    return key


def _keys(node: Any, prefix: str = "") -> set[str]:
    """Dotted keys of a plain config."""
    items = node.items() if isinstance(node, Mapping) else ()
    found = {f"{prefix}{key}" for key, _ in items}
    return found.union(*(_keys(value, f"{prefix}{key}.") for key, value in items))


def _translate_node(node: Any) -> Any:
    if isinstance(node, list):
        return [_translate_node(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    plain = {key: _translate_node(value) for key, value in node.items()}
    target = plain.get("_target_")
    if not isinstance(target, str):
        return plain
    plain["_target_"] = target = _TARGETS.get(target, target)
    for place, arguments in _ARGUMENTS.items():
        if target.startswith(f"{place}."):
            for old, new in arguments.items():
                if old in plain:
                    plain[new] = plain.pop(old)
    return plain
