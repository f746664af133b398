"""Ensemble: trained models joined into one that stands alone, its weights learned on their
validation songs. Of cross-validations, a join for each fold.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import torch
from omegaconf import DictConfig, OmegaConf

from ai_mixer.assemble import build_data, build_system
from ai_mixer.board.rows import FOLD, FOLDS, JOINED
from ai_mixer.build import build_console, trusted_in
from ai_mixer.command.stage import stage
from ai_mixer.command.words import command_line, listed
from ai_mixer.mixer import Mixer, load_model
from ai_mixer.models.listener import ask
from ai_mixer.models.weighted_ensemble import WeightedEnsemble
from ai_mixer.quiet import track
from ai_mixer.system import MixSystem
from ai_mixer.tracking import Run, Store, find_run, save_model
from ai_mixer.tracking.find import children, run_by_id
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.training.calibration import calibrate
from ai_mixer.training.model import model_card
from ai_mixer.training.stacking import learn_weights

TARGET = f"{WeightedEnsemble.__module__}.{WeightedEnsemble.__name__}"


def join(members: Sequence[Mixer]) -> MixSystem:
    """A system whose model is the ensemble, its weights learned on the validation songs of the
    first member's data. ValueError if the members set other knobs or hear otherwise.
    """
    first = members[0]
    for other in members[1:]:
        if other.console.knobs != first.console.knobs:
            raise ValueError("the members play consoles with different knobs or ranges")
    config = ensemble_config(members)
    system = build_system(config, build_console(config))
    model = cast(WeightedEnsemble, system.model)
    for own, mixer in zip(model.members, members, strict=True):
        own.load_state_dict(mixer.model.state_dict())
    trained = torch.stack([mixer.trained for mixer in members]).all(0)
    system.knob_count += trained
    system.knob_sum += trained * torch.stack([mixer.mean_knobs for mixer in members]).mean(0)
    model.logits.data = _weights(config, system)
    return system


def ensemble_config(members: Sequence[Mixer]) -> DictConfig:
    """The first member's config with the ensemble as its model."""
    config = deepcopy(members[0].config)
    models = [OmegaConf.to_container(mixer.config.model, resolve=True) for mixer in members]
    parts = [{**cast(dict[str, Any], model), "_partial_": True} for model in models]
    config.model = {"_target_": TARGET, "members": parts}
    return config


@torch.inference_mode()
def _weights(config: DictConfig, system: MixSystem) -> torch.Tensor:
    data = build_data(config, system.console)
    data.prepare_data()
    model = cast(WeightedEnsemble, system.model.eval())
    said, knobs, mask, condition = [], [], [], []
    for batch in track(data.val_dataloader(), "listening to validation songs"):
        said.append(torch.stack([ask(member, batch).knobs for member in model.members]))
        knobs.append(batch.knobs)
        mask.append(batch.mask)
        condition.append(batch.condition)
    asked = (torch.cat(said, dim=1), *map(torch.cat, (knobs, mask, condition)))
    with torch.inference_mode(False):
        return learn_weights(*(tensor.clone() for tensor in asked))


def _keep(members: Sequence[Path], run: Run, again: str, trusted: Sequence[str]) -> None:
    """Join and file one ensemble."""
    system = join([load_model(folder, trusted) for folder in members])
    config = ensemble_config([load_model(folder, trusted) for folder in members])
    run.log_text(OmegaConf.to_yaml(config, resolve=True), "config.yaml")
    run.set_tags({JOINED: ",".join(folder.parent.name for folder in members)})
    plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    card = model_card(plain, system, run.id)
    data = build_data(config, system.console)
    card["calibration"] = calibrate(system, data)
    save_model(run.artifact_dir, system.model.state_dict(), card)
    run.describe(f"Make it again: `{again}`.")
    for name in ("manifest.csv", "split.csv"):  # whose songs: the first member's
        if (members[0] / name).is_file():
            run.log_text((members[0] / name).read_text(encoding="utf-8"), name)


@stage("ensemble", meant=listed)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.stages.ensemble runs=1a2b,3c4d`."""
    asked = [str(which) for which in cfg.runs or ()]
    if len(asked) < 2:
        raise ValueError(f"runs={','.join(asked)}: name two runs or more, runs=1a2b,3c4d")
    store, trusted = Store(cfg.paths.mlruns), trusted_in(cfg)
    again = command_line([f"runs={','.join(asked)}", f"name={cfg.name}"], "ensemble")
    folds = [_folds(store, which) for which in asked]
    if not any(folds):
        folders = [find_run(which, cfg.paths.mlruns) for which in asked]
        with Run.start(store, cfg.experiment_name, cfg.name) as run:
            _keep(folders, run, again, trusted)
            print(f"run {run.id} ({cfg.name})")
        return
    names = sorted(folds[0])
    if any(sorted(own) != names for own in folds):
        raise ValueError("some of the runs have other folds than the first, or are not finished")
    title = f"{cfg.name}, {len(names)} folds"
    tags = {FOLDS: str(len(names)), JOINED: ",".join(asked)}
    with Run.start(store, cfg.experiment_name, title, tags) as parent:
        parent.describe(f"Make it again: `{again}`.")
        for fold in names:
            name = f"{cfg.name}, fold {fold}"
            with Run.start(store, cfg.experiment_name, name, parent_id=parent.id) as run:
                run.log_params({"data": {"fold": fold}})
                _keep([own[fold] for own in folds], run, again, trusted)
        first = next(iter(folds[0].values()))
        parent.log_text((first / "config.yaml").read_text(encoding="utf-8"), "config.yaml")
        print(f"run {parent.id} ({title})")


def _folds(store: Store, which: str) -> Mapping[str, Path]:
    """Fold → folder of a cross-validation's models; empty for any other run."""
    if which == "last" or Path(which).exists():
        return {}
    parent = run_by_id(which, store)
    if FOLDS not in parent.data.tags:
        return {}
    return {
        run.data.params[FOLD]: artifact_folder(run.info.artifact_uri)
        for run in children(store, parent.info.run_id)
        if run.info.status == "FINISHED"
    }


if __name__ == "__main__":
    main()
