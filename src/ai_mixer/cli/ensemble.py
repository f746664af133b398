"""Combine trained models into one, with member weights learned on validation songs.

For cross-validations, one ensemble per fold.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.config.stage_command import stage_command
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.evaluation.holdout_filter import HoldoutSongs, filter_holdout_songs
from ai_mixer.evaluation.leaderboard.entries import ENSEMBLE_TAG
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.seen_songs import SeenSongs, combine_seen_songs, load_seen_songs
from ai_mixer.tracking import Run, Store, find_run, save_model
from ai_mixer.tracking.run_lookup import FOLDS_TAG, fold_model_folders
from ai_mixer.training.builders import build_datamodule
from ai_mixer.training.calibration import calibrate
from ai_mixer.training.ensembling import build_ensemble, ensemble_config, mean_member_weights
from ai_mixer.training.export import model_card
from ai_mixer.utils.log import logger


def _save_ensemble(
    folders: Sequence[Path], cfg: DictConfig, run: Run, command: str, weights: Tensor | None = None
) -> None:
    """Build one ensemble and save it in a run."""
    members = [load_model(folder, allowed_targets(cfg)) for folder in folders]
    config = ensemble_config(members, cfg.name)
    data = build_datamodule(config, members[0].console)
    seen = [load_seen_songs(folder, data.metadata_cache) for folder in folders]
    holdout = _leave_out_training_songs(data, folders, seen, cfg.allow_seen)
    system = build_ensemble(members, config, data, weights)
    run.log_text(OmegaConf.to_yaml(config, resolve=True), "config.yaml")
    run.set_tags({ENSEMBLE_TAG: ",".join(folder.parent.name for folder in folders)})
    plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    card = model_card(plain, system, run.id)
    card["calibration"] = calibrate(system, data)
    save_model(run.artifact_dir, system.model.state_dict(), card)
    notes = "".join(f"  \n{line}" for line in holdout.notes())
    run.describe(f"{holdout.mark('Ensemble')}. Reproduce: `{command}`.{notes}")
    combined = combine_seen_songs(seen)
    if combined is not None:
        combined.save(run.artifact_dir)
    for name in ("manifest.csv", "split.csv"):  # songs of the first member
        if (folders[0] / name).is_file():
            run.log_text((folders[0] / name).read_text(encoding="utf-8"), name)


def _leave_out_training_songs(
    data: MixDataModule,
    folders: Sequence[Path],
    seen: Sequence[SeenSongs | None],
    allow_seen: bool,
) -> HoldoutSongs:
    """Remove validation songs that a member was trained on: its weight would be too large."""
    trained = {
        folder.parent.name[:8]: known and known.train
        for folder, known in zip(folders, seen, strict=True)
    }
    songs = data.songs("val")
    holdout = filter_holdout_songs(songs, trained, data.metadata_cache, allow_seen=allow_seen)
    data.leave_out({song.id for song in songs} - {song.id for song in holdout.songs})
    for line in holdout.notes():
        logger.info("validation songs %s", line)
    return holdout


def ensemble(cfg: DictConfig) -> None:
    """Combine the runs of `cfg` (configs/stage/ensemble.yaml) in a new run, or one per fold."""
    members = [str(run) for run in cfg.runs or ()]
    if len(members) < 2:
        raise ValueError(f"runs={','.join(members)}: name two runs or more, runs=1a2b,3c4d")
    store = Store(cfg.paths.mlruns)
    overrides = [f"runs={','.join(members)}", f"name={cfg.name}"]
    if cfg.ensemble_weights_from is not None:
        overrides.append(f"ensemble_weights_from={cfg.ensemble_weights_from}")
    command = stage_command("ensemble", overrides)
    folds = [fold_model_folders(member, store) for member in members]
    if not any(folds):
        weights = _ensemble_weights_from(store, cfg)
        folders = [find_run(member, cfg.paths.mlruns) for member in members]
        with Run.start(store, cfg.experiment_name, cfg.name) as run:
            _save_ensemble(folders, cfg, run, command, weights)
            print(f"run {run.id} ({cfg.name})")
        return
    if cfg.ensemble_weights_from is not None:
        # A fold's test songs are validation songs of the other folds.
        raise ValueError(
            f"ensemble_weights_from={cfg.ensemble_weights_from}: these weights were learned on "
            "test songs of these folds: remove it"
        )
    names = sorted(folds[0])
    if any(sorted(member_folds) != names for member_folds in folds):
        raise ValueError(
            f"runs={','.join(members)}: the runs have different folds, or are not finished"
        )
    title = f"{cfg.name}, {len(names)} folds"
    tags = {FOLDS_TAG: str(len(names)), ENSEMBLE_TAG: ",".join(members)}
    with Run.start(store, cfg.experiment_name, title, tags) as parent:
        parent.describe(f"Reproduce: `{command}`.")
        for fold in names:
            name = f"{cfg.name}, fold {fold}"
            with Run.start(store, cfg.experiment_name, name, parent_id=parent.id) as run:
                run.log_params({"data": {"fold": fold}})
                _save_ensemble([member_folds[fold] for member_folds in folds], cfg, run, command)
        first = next(iter(folds[0].values()))
        parent.log_text((first / "config.yaml").read_text(encoding="utf-8"), "config.yaml")
        print(f"run {parent.id} ({title})")


def _ensemble_weights_from(store: Store, cfg: DictConfig) -> Tensor | None:
    """Mean member weights of another ensemble's folds; None if not configured."""
    if cfg.ensemble_weights_from is None:
        return None
    run = str(cfg.ensemble_weights_from)
    folders = list(fold_model_folders(run, store).values()) or [find_run(run, cfg.paths.mlruns)]
    return mean_member_weights([load_model(folder, allowed_targets(cfg)) for folder in folders])
