"""One run: train a model, evaluate it, render listening samples."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback

from ai_mixer.cli.track_pipeline import evaluate_and_render_tracks
from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.config.overrides import without_keys
from ai_mixer.config.stage_command import stage_command
from ai_mixer.evaluation import summary
from ai_mixer.evaluation.evaluate import evaluate
from ai_mixer.evaluation.render import render
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import ResumePoint, Run, Store, save_model
from ai_mixer.tracking.resume_points import save_overrides
from ai_mixer.training.builders import (
    ONE_FILE,
    SEVERAL_TRACKS,
    TrainingComponents,
    build_components,
    raw_override_value,
)
from ai_mixer.training.calibration import calibrate
from ai_mixer.training.dataset_manifest import (
    log_seen_songs,
    log_songs,
    seen_songs,
    song_table,
)
from ai_mixer.training.export import model_card
from ai_mixer.training.finetune import load_initial_weights
from ai_mixer.training.fit import fit, fit_nonzero_rank
from ai_mixer.training.preflight import check_batches, check_later_steps, check_monitors
from ai_mixer.training.resume import check_resume_point, find_resume_point
from ai_mixer.utils.distributed import rank
from ai_mixer.utils.log import logger
from ai_mixer.utils.signals import handle_stop_signals


def train(
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: list[str],
    choices: dict[str, str],
    parent_id: str | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    extra_callbacks: Sequence[Callback] = (),
    evaluate_after: bool = True,
    resume_hint: str | None = None,
) -> Run:
    """Train the composed config, from `cfg.ckpt_path` if set. Return the finished run.

    defaults: the config without overrides, to log which values differ. overrides: the command line.
    choices: the option selected in each config group. parent_id: id of the parent run. tags: of a
    new run. extra_callbacks: in addition to the config's. evaluate_after: write tables and samples
    at the end. resume_hint: shown if the run is interrupted, by default the command that resumes
    it. SystemExit 130 or 143 if it is stopped by a signal, and 0 at the end in processes of a
    distributed training other than rank 0.
    """
    start = find_resume_point(cfg, overrides)
    initial = raw_override_value(overrides, "init_from") or str(cfg.init_from)
    if rank() > 0:
        fit_nonzero_rank(cfg, start, initial)
        raise SystemExit(0)
    if start.run_id is not None:
        cfg, overrides = cfg.copy(), without_keys(overrides, "ckpt_path")
        cfg.ckpt_path = None  # not a setting of the run
    check_later_steps(cfg)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    parts = build_components(cfg)
    songs = song_table(parts)  # synthesises the band or raises before a run is created
    check_monitors(cfg, parts)
    check_batches(parts)
    check_resume_point(cfg, parts, start)
    earlier = None
    if cfg.init_from is not None and start.checkpoint is None:
        earlier = load_initial_weights(cfg, initial, parts)
    seen = seen_songs(parts, earlier)
    if resume_hint is None:
        resume_hint = f"resume with `{stage_command('train', ['ckpt_path=last'])}`"
    with handle_stop_signals(resume_hint), _open(cfg, start, parent_id, tags) as run:
        save_overrides(run, overrides)
        logger.info(f"{'resuming ' if run.resumed else ''}run {run.id} ({cfg.run_name})")
        _log_config(cfg, defaults, overrides, choices, run)
        run.set_tags(getattr(parts.system.model, "tags", {}))  # properties known after building
        log_songs(cfg.data.name, songs, parts, run)
        log_seen_songs(seen, run)
        step = fit(cfg, parts, start, run, extra_callbacks)
        _save_trained_model(cfg, parts, run)
        if evaluate_after:
            evaluate_and_render(cfg, run, overrides, step)
    return run


def _open(
    cfg: DictConfig, start: ResumePoint, parent_id: str | None, tags: Mapping[str, str] | None
) -> Run:
    """Resume a run or start a new one."""
    store = Store(cfg.paths.mlruns)
    if start.run_id is not None:
        return Run.resume(store, start.run_id)
    return Run.start(store, cfg.experiment_name, cfg.run_name, tags, parent_id=parent_id)


def _log_config(
    cfg: DictConfig, defaults: DictConfig, overrides: list[str], choices: dict[str, str], run: Run
) -> None:
    """Log params, tags and the whole config before the training starts."""
    params = _plain(cfg)
    del params["paths"]  # not settings of a run
    run.log_params(params, _plain(defaults))
    run.log_params({"group": choices})
    run.set_tags({"command": stage_command("train", overrides)})
    run.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
    run.describe(_reproduce_line(cfg, overrides))  # replaced after the evaluation


def evaluate_and_render_songs(cfg: DictConfig, run: Run, overrides: list[str], step: int) -> None:
    """Write tables and listening samples and print their paths; skip each whose config is null."""
    predictor, folder = load_model(run.artifact_dir, allowed_targets(cfg)), run.artifact_dir
    lines, headline = [], None
    if cfg.evaluate is not None:
        tables = evaluate(predictor, seed=cfg.seed, **cfg.evaluate)
        tables.write(folder / "eval")
        run.log_metrics(tables.metrics(), step=step)
        run.describe(summary.description(tables, _reproduce_line(cfg, overrides)))
        headline = summary.headline(tables)
        lines += [summary.summary(tables), f"tables: {folder / 'eval' / 'tables.md'}"]
    if cfg.render is not None:
        page = render(
            predictor,
            folder / "listening",
            run=run.id[:8],
            seed=cfg.seed,
            title=cfg.run_name,
            headline=headline,
            **cfg.render,
        )
        lines.append(f"listening page: {page}")
    print("\n".join([*lines, f"browse: {stage_command('ui')}"]))


EVALUATIONS = {ONE_FILE: evaluate_and_render_songs, SEVERAL_TRACKS: evaluate_and_render_tracks}
"""What is done with a trained system, by its class in the config."""


def evaluate_and_render(cfg: DictConfig, run: Run, overrides: list[str], step: int) -> None:
    """Write tables and listening samples of a run, of one file or of several tracks."""
    EVALUATIONS[cfg.system.get("_target_", ONE_FILE)](cfg, run, overrides, step)


def _save_trained_model(cfg: DictConfig, parts: TrainingComponents, run: Run) -> None:
    """Save model.safetensors and model.json, from which the model can be loaded anywhere."""
    system = parts.system
    config = _plain(cfg)
    config["model"] |= getattr(system.model, "rebuild_config", {})  # rebuilds the same model
    card = model_card(config, system, run.id)
    card["calibration"] = calibrate(system, parts.data)
    save_model(run.artifact_dir, system.model.state_dict(), card)


def _reproduce_line(cfg: DictConfig, overrides: list[str]) -> str:
    return f"Reproduce: `{stage_command('train', overrides)}` (seed {cfg.seed})."


def _plain(cfg: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
