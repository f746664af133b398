"""Train: compose a config, train its model, evaluate it, leave listening samples: one run."""

import hashlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, cast

import hydra
import pandas as pd
import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint

from ai_mixer.assemble import Parts, assemble
from ai_mixer.console.load import config_folder
from ai_mixer.data.splits import SPLITS
from ai_mixer.evaluate import Evaluation, evaluate
from ai_mixer.figures import skill_figure
from ai_mixer.mixer import load_model
from ai_mixer.quiet import interactive, quiet
from ai_mixer.render import render
from ai_mixer.tracking import Run, Store, save_model
from ai_mixer.types import CONDITIONS


def train(
    cfg: DictConfig, defaults: DictConfig, overrides: list[str], choices: dict[str, str]
) -> Run:
    """Train what `cfg` composes. Returns the finished run.

    defaults: the config without the command line's words, to tell which leaf values differ;
    overrides: those words; choices: the option chosen in each config group.
    """
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    parts = assemble(cfg)
    songs = _songs(parts)  # composes, or finds out what is wrong, before a run is opened
    with Run.start(Store(cfg.paths.mlruns), cfg.experiment_name, cfg.run_name) as run:
        print(f"run {run.id} ({cfg.run_name})", flush=True)
        run.log_params(_plain(cfg), _plain(defaults))
        run.log_params({"group": choices})
        run.set_tags({"overrides": " ".join(overrides), "command": _command(overrides)})
        run.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        _log_songs(songs, run)
        _fit(cfg, parts, run)
        _keep_model(cfg, parts, run)
        mixer = load_model(run.artifact_dir)
        tables = evaluate(mixer, seed=cfg.seed, **cfg.evaluate)
        tables.write(run.artifact_dir / "eval")
        run.log_metrics(tables.figures())
        _log_figures(run, tables)
        page = render(
            mixer,
            run.artifact_dir / "listening",
            title=cfg.run_name,
            headline=_shown(tables),
            seed=cfg.seed,
            **cfg.render,
        )
        run.describe(_description(cfg, tables, overrides))
    print(_summary(tables))
    print(f"listen: {page}\ntables: {run.artifact_dir / 'eval' / 'tables.md'}\nbrowse: make ui")
    return run


def _fit(cfg: DictConfig, parts: Parts, run: Run) -> None:
    """Train; leave the weights of the best epoch in the system."""
    callbacks = instantiate(cfg.callbacks)
    best = callbacks["best"]
    for callback in callbacks.values():
        if isinstance(callback, ModelCheckpoint):
            callback.dirpath = str(run.artifact_dir / "checkpoints")
    trainer: pl.Trainer = instantiate(
        cfg.trainer,
        logger=run.lightning_logger(),
        callbacks=list(callbacks.values()),
        enable_progress_bar=interactive(),
        default_root_dir=cfg.paths.outputs,
    )
    with _cores_shared_with(cfg.loader.workers):
        trainer.fit(parts.system, datamodule=parts.data, ckpt_path=cfg.ckpt, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if best.best_model_score is None:
        epoch = trainer.current_epoch
        raise ValueError(
            f"ckpt is at epoch {epoch} already: nothing to train, raise trainer.max_epochs"
        )
    run.log_metrics({f"best/{best.monitor}": float(best.best_model_score)})
    checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
    parts.system.load_state_dict(checkpoint["state_dict"])


@contextmanager
def _cores_shared_with(workers: int) -> Iterator[None]:
    """Leave a core to each loader worker: threads that fight for one take half as long again."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before - workers))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep_model(cfg: DictConfig, parts: Parts, run: Run) -> None:
    """model.safetensors and model.json: all that a stranger needs."""
    knobs, system = parts.console.knobs, parts.system
    means = system.mean_knobs.tolist()
    card = {
        "config": _plain(cfg),
        "knobs": [asdict(knob) for knob in knobs],
        "trained": [knob.name for knob, seen in zip(knobs, system.trained, strict=True) if seen],
        "mean_knobs": {knob.name: mean for knob, mean in zip(knobs, means, strict=True)},
        "run": run.id,
    }
    save_model(run.artifact_dir, system.model.state_dict(), card)


def _songs(parts: Parts) -> pd.DataFrame:
    """Every song with its group, genre and split."""
    return pd.DataFrame(
        [
            {"song": song.id, "group": song.group, "genre": song.genre, "split": split}
            for split in SPLITS
            for song in parts.data.songs(split)
        ]
    )


def _log_songs(songs: pd.DataFrame, run: Run) -> None:
    """Which songs the run saw: split.csv, and a digest of it to compare runs by."""
    run.log_table(songs, "split.csv")
    digest = hashlib.sha256(songs.to_csv(index=False).encode()).hexdigest()[:16]
    run.set_tags({"data.digest": digest, "data.songs": len(songs)})


def _log_figures(run: Run, tables: Evaluation) -> None:
    run.log_figure(skill_figure(tables.knobs), "figures/knob_skill.png")


def _summary(tables: Evaluation) -> str:
    lines = ["held-out songs: headline knob skill (0 = always the mean knobs, 1 = exact)"]
    for condition in CONDITIONS:
        skill, low, high, mae = (
            tables.skill(condition, number)
            for number in ("skill", "skill_low", "skill_high", "mae")
        )
        lines.append(f"  {condition:<10} {skill:+.2f}  [{low:+.2f}, {high:+.2f}]   MAE {mae:.3f}")
    return "\n".join(lines)


def _shown(tables: Evaluation) -> dict[str, float | str]:
    """Headline figures at the top of the listening page."""
    return {f"knob skill, {name}": f"{tables.skill(name):.2f}" for name in CONDITIONS}


def _description(cfg: DictConfig, tables: Evaluation, overrides: list[str]) -> str:
    return (
        f"Make it again: `{_command(overrides)}` (seed {cfg.seed}).  \n"
        "Listen: `listening/index.html` among the artifacts.\n\n"
        f"{tables.markdown()}"
    )


def _command(overrides: list[str]) -> str:
    return " ".join(["make train", *map(shlex.quote, overrides)])


def _plain(cfg: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))


@hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="train")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.train [name=value …]`."""
    quiet()
    hydra_cfg = HydraConfig.get()
    choices = {
        k: str(v) for k, v in hydra_cfg.runtime.choices.items() if not k.startswith("hydra/")
    }
    train(cfg, hydra.compose("train"), list(hydra_cfg.overrides.task), choices)


if __name__ == "__main__":
    main()
