"""Leaderboard: evaluate finished cross-validations on the same held-out songs."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.utils.log import logger


@stage("leaderboard")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.leaderboard [name=value …]`."""
    from ai_mixer.evaluation.leaderboard.entries import find_entries
    from ai_mixer.evaluation.leaderboard.evaluate import EvaluationSettings, evaluate_entries
    from ai_mixer.evaluation.leaderboard.page import write_page
    from ai_mixer.tracking import Store

    path = Path(cfg.out)
    if path.suffix != ".md":
        raise ValueError(f"out={cfg.out}: must end in .md; the tables are written as .csv as well")
    rows, excluded = find_entries(Store(cfg.paths.mlruns), cfg.experiment_name, cfg.folds)
    for run, reason in excluded.items():
        logger.info(f"excluded: {run} ({reason})")
    evaluation_settings = EvaluationSettings(
        cfg.excerpts_per_song,
        cfg.examples,
        cfg.seed,
        tuple(cfg.refined_entries),
        cfg.allow_seen,
    )
    _check_refined(evaluation_settings.refined_entries, [row.title for row in rows])
    folds = [f"{fold}/{cfg.folds}" for fold in range(cfg.folds)]
    roughs = None if cfg.data.root is None else cfg.data
    leaderboard_records = evaluate_entries(rows, folds, evaluation_settings, roughs)
    seconds = next(iter(rows[0].predictors(folds[0]).values())).config.excerpt
    print(
        write_page(path, leaderboard_records, rows, evaluation_settings, cfg.folds, float(seconds))
    )
    print(path)


def _check_refined(refined: Sequence[str], titles: Sequence[str]) -> None:
    for title in refined:
        if title not in titles:
            raise ValueError(
                f"refined_entries={title}: no such entry; entries: {', '.join(titles)}"
            )


if __name__ == "__main__":
    main()
