"""The end of a training of several tracks: evaluation tables and listening samples."""

from omegaconf import DictConfig

from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.config.stage_command import stage_command
from ai_mixer.evaluation.track_evaluate import evaluate_tracks
from ai_mixer.evaluation.track_render import render_tracks
from ai_mixer.inference.track_predictor import load_track_model
from ai_mixer.tracking import Run


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
        run.describe(f"{reproduce}\n\n{results.markdown()}")
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
