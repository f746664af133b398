"""Runs of several tracks: evaluation tables and listening samples, after training and later."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ai_mixer import tracking
from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.config.stage_command import stage_command
from ai_mixer.evaluation.track_evaluate import evaluate_tracks
from ai_mixer.evaluation.track_render import render_tracks
from ai_mixer.evaluation.track_systems import DEFAULT_SYSTEMS
from ai_mixer.inference.track_predictor import is_track_model, load_track_model
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.post_run_metrics import add_metrics
from ai_mixer.tracking.run_lookup import results_folder
from ai_mixer.training.builders import raw_override_value, run_override


def evaluate_and_render_tracks(cfg: DictConfig, run: Run, overrides: list[str], step: int) -> None:
    """Write tables and listening samples and print their paths; skip each whose config is null."""
    folder = run.artifact_dir
    predictor = load_track_model(folder, allowed_targets(cfg))
    lines: list[str] = []
    headline: dict[str, float | str] | None = None
    if cfg.evaluate is not None:
        results = evaluate_tracks(predictor, seed=cfg.seed, **cfg.evaluate)
        results.write(folder / "eval")
        run.log_metrics(results.metrics(), step=step)
        reproduce = f"Reproduce: `{stage_command('train', overrides)}` (seed {cfg.seed})."
        run.describe(f"{reproduce}\n\n{results.description()}\nAll tables: `eval/tables.md`.")
        headline = {
            f"knob skill, {c}": f"{results.headline[c]['model']:.2f}" for c in results.conditions
        }
        lines += [results.summary(), f"tables: {folder / 'eval' / 'tables.md'}"]
    if cfg.render is not None:
        page = render_tracks(
            predictor,
            folder / "listening",
            seed=cfg.seed,
            title=cfg.run_name,
            headline=headline,
            **cfg.render,
        )
        lines.append(f"listening page: {page}")
    print("\n".join([*lines, f"browse: {stage_command('ui')}"]))


def find_track_run(cfg: DictConfig) -> Path | None:
    """Folder of the run `cfg.run` if it is one of several tracks, else None."""
    name = run_override(cfg)
    if name.endswith(".ckpt"):
        return None
    folder = tracking.find_run(name, cfg.paths.mlruns)
    return folder if is_track_model(folder) else None


def evaluate_track_run(cfg: DictConfig, run: Path) -> None:
    """`make evaluate` of a run of several tracks. ValueError for options that it does not have."""
    for name in ("compare_run", "excerpt"):
        if cfg[name] is not None:
            raise ValueError(f"{name} is not available for a run of several tracks")
    # The default of the stage names the systems of runs of one file.
    typed_systems = raw_override_value(HydraConfig.get().overrides.task, "systems")
    predictor = load_track_model(run, cfg.allow_targets)
    data = cfg.get("data")
    results = evaluate_tracks(
        predictor,
        data=data,
        split=cfg.split,
        excerpts_per_song=cfg.excerpts_per_song,
        condition=cfg.conditions,
        systems=(cfg.systems if typed_systems else None) or DEFAULT_SYSTEMS,
        examples=cfg.examples,
        allow_seen=cfg.allow_seen,
        seed=cfg.seed,
    )
    name = f"{(data or predictor.config.data).name}-{cfg.split}"
    name += "-seen" if results.holdout.is_marked else ""
    folder = results_folder(run, cfg.paths.outputs) / "eval" / name
    results.write(folder)
    print(results.markdown())
    metrics = results.metrics("eval", name)
    add_metrics(predictor.card.get("run"), run, metrics, Store(cfg.paths.mlruns))
    print(folder / "tables.md")


def render_track_run(cfg: DictConfig, run: Path) -> None:
    """`make render` of a run of several tracks."""
    predictor = load_track_model(run, cfg.allow_targets)
    folder = Path(cfg.out or results_folder(run, cfg.paths.outputs) / "listening")
    title = str(predictor.config.get("run_name", run.name))
    options = {name: cfg[name] for name in ("split", "songs", "seconds", "seed")}
    print(render_tracks(predictor, folder, title=title, **options))
