"""Render: listening samples of a run's model."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("render")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.render [name=value …]`."""
    from ai_mixer.cli.track_pipeline import find_track_run, render_track_run
    from ai_mixer.evaluation.render import render
    from ai_mixer.inference.predictor import load_model
    from ai_mixer.tracking import find_run
    from ai_mixer.tracking.run_lookup import results_folder
    from ai_mixer.training.builders import run_override

    if (tracks := find_track_run(cfg)) is not None:
        render_track_run(cfg, tracks)
        return
    run = find_run(run_override(cfg), cfg.paths.mlruns)
    folder = Path(cfg.out or results_folder(run, cfg.paths.outputs) / "listening")
    options = {name: cfg[name] for name in ("split", "songs", "seconds", "allow_seen", "seed")}
    predictor = load_model(run, cfg.allow_targets)
    title = predictor.config.get("run_name", run.name)
    of_run = None if cfg.out else str(cfg.run)
    print(render(predictor, folder, run=of_run, data=cfg.get("data"), title=title, **options))


if __name__ == "__main__":
    main()
