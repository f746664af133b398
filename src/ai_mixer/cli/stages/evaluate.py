"""Evaluate: tables of a run's model on songs that it was not trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage

if TYPE_CHECKING:
    from ai_mixer.inference.predictor import Predictor

OPTIONS = (
    *("split", "excerpts_per_song", "excerpt", "systems"),
    *("examples", "fitted_excerpts", "speech", "allow_seen", "seed"),
)


@stage("evaluate", key_aliases={"condition": "conditions"})
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.evaluate [name=value …]`."""
    from ai_mixer.cli.track_pipeline import evaluate_track_run, find_track_run
    from ai_mixer.evaluation.evaluate import evaluate
    from ai_mixer.evaluation.speed import table_speed
    from ai_mixer.tracking import Store
    from ai_mixer.tracking.post_run_metrics import add_metrics
    from ai_mixer.tracking.run_lookup import results_folder
    from ai_mixer.utils.markdown import to_markdown

    if (tracks := find_track_run(cfg)) is not None:
        evaluate_track_run(cfg, tracks)
        return
    run, predictor = _open(cfg, "run")
    compare_run = None if cfg.compare_run is None else _open(cfg, "compare_run")[1]
    options = {name: cfg[name] for name in OPTIONS}
    options |= {"data": cfg.get("data"), "condition": cfg.conditions, "compare_run": compare_run}
    tables = evaluate(predictor, **options)
    name = output_folder_name(cfg, predictor) + ("-seen" if tables.holdout.is_marked else "")
    folder = results_folder(run, cfg.paths.outputs) / "eval" / name
    tables.write(folder)
    print(tables.markdown())
    if cfg.speed:
        speed = table_speed(predictor)
        speed.to_csv(folder / "speed.csv")
        print(f"## Speed\n{to_markdown(speed, digits=3)}")
    metrics = tables.metrics("eval", name)
    add_metrics(predictor.card.get("run"), run, metrics, Store(cfg.paths.mlruns))
    print(folder / "tables.md")


def _open(cfg: DictConfig, key: str) -> tuple[Path, "Predictor"]:
    """Folder and predictor of a run, or of a checkpoint."""
    from ai_mixer.inference.predictor import load_model
    from ai_mixer.tracking import find_run
    from ai_mixer.training.builders import run_override
    from ai_mixer.training.export import checkpoint_run_folder, load_from_checkpoint

    name = run_override(cfg, key)
    if name.endswith(".ckpt"):
        predictor = load_from_checkpoint(Path(name), cfg.allow_targets)
        return checkpoint_run_folder(Path(name)), predictor
    run = find_run(name, cfg.paths.mlruns)
    return run, load_model(run, cfg.allow_targets)


def output_folder_name(cfg: DictConfig, predictor: "Predictor") -> str:
    """Folder of the tables: data, split and options that differ from their defaults."""
    from ai_mixer.evaluation.conditions import ALL
    from ai_mixer.training.builders import run_override

    parts = [(cfg.get("data") or predictor.config.data).name, cfg.split]
    parts += [] if cfg.excerpt is None else [str(cfg.excerpt)]
    parts += [] if cfg.conditions == ALL else [cfg.conditions]
    run = run_override(cfg)
    parts += [Path(run).stem] if run.endswith(".ckpt") else []
    return "-".join(parts)


if __name__ == "__main__":
    main()
