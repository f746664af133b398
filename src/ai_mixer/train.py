"""Train: compose a config, train its model, evaluate it, leave listening samples, all in one run."""

import shlex
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ai_mixer.assemble import Parts, assemble
from ai_mixer.console.load import config_folder
from ai_mixer.evaluate import evaluate
from ai_mixer.mixer import load_model
from ai_mixer.quiet import progress, quiet
from ai_mixer.render import render
from ai_mixer.system import MixSystem
from ai_mixer.tracking import Run, Store, save_model


def train(cfg: DictConfig, overrides: list[str], defaults: DictConfig) -> Run:
    """Train what `cfg` composes. Returns the finished run.

    overrides: the words of the command line, to say in the run how to make it again; defaults: the
    config without them, to tell which leaf values differ.
    """
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    parts = assemble(cfg)
    with Run.start(Store(cfg.paths.mlruns), cfg.experiment_name, cfg.run_name) as run:
        print(f"run {run.id}  ({cfg.run_name})")
        run.log_params(_plain(cfg), _plain(defaults))
        run.set_tags({"overrides": " ".join(overrides), "command": _command(overrides)})
        run.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        best = _fit(cfg, parts, run)
        _keep_model(cfg, parts, best, run)
        mixer = load_model(run.artifact_dir)
        tables = evaluate(mixer, parts.data, **cfg.evaluate)
        tables.log(run)
        render(mixer, parts.data, run.artifact_dir, title=cfg.run_name, **cfg.render)
        run.describe(_description(cfg, run, tables.markdown(), overrides))
    print(f"listen: make listen run={run.id}\nbrowse: make ui")
    return run


def _fit(cfg: DictConfig, parts: Parts, run: Run) -> MixSystem:
    """Train and return the system with the weights of the best epoch."""
    checkpoints = run.artifact_dir / "checkpoints"
    callbacks = instantiate(cfg.callbacks)
    callbacks.best.dirpath = str(checkpoints)
    trainer: pl.Trainer = instantiate(
        cfg.trainer,
        logger=run.lightning_logger(),
        callbacks=[*callbacks.values(), *progress()],
        enable_progress_bar=bool(progress()),
        default_root_dir=cfg.paths.outputs,
    )
    trainer.fit(parts.system, datamodule=parts.data, ckpt_path=cfg.get("ckpt"))
    if trainer.interrupted:
        raise KeyboardInterrupt
    best = callbacks.best.best_model_path
    run.log_metrics({"best/" + callbacks.best.monitor: float(callbacks.best.best_model_score)})
    weights = _load_weights(best)
    parts.system.load_state_dict(weights)
    return parts.system


def _load_weights(path: str) -> dict[str, Any]:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]


def _keep_model(cfg: DictConfig, parts: Parts, system: MixSystem, run: Run) -> Path:
    """model.safetensors and model.json: all that a stranger needs."""
    from dataclasses import asdict

    knobs = parts.console.knobs
    means = system.mean_knobs.tolist()
    card = {
        "config": _plain(cfg),
        "knobs": [asdict(knob) for knob in knobs],
        "trained": [knob.name for knob, seen in zip(knobs, system.trained, strict=True) if seen],
        "mean_knobs": {knob.name: mean for knob, mean in zip(knobs, means, strict=True)},
        "run": run.id,
    }
    return save_model(run.artifact_dir, system.model.state_dict(), card)


def _plain(cfg: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


def _command(overrides: list[str]) -> str:
    return " ".join(["make train", *map(shlex.quote, overrides)])


def _description(cfg: DictConfig, run: Run, tables: str, overrides: list[str]) -> str:
    return (
        f"Make it again: `{_command(overrides)}` (seed {cfg.seed})\n\n{tables}\n\n"
        "Listening samples: `listening/index.html` among the artifacts."
    )


@hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="train")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.train [name=value …]`."""
    quiet()
    defaults = hydra.compose("train")
    train(cfg, list(HydraConfig.get().overrides.task), defaults)


if __name__ == "__main__":
    main()
