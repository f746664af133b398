"""Leaderboard: finished cross-validations on the same held-out songs, as a page."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.evaluation.leaderboard.entries import find_rows
from ai_mixer.evaluation.leaderboard.evaluate import Exam, examine
from ai_mixer.evaluation.leaderboard.page import write_page
from ai_mixer.tracking import Store


@stage("leaderboard")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.leaderboard [name=value …]`."""
    path = Path(cfg.out)
    if path.suffix != ".md":
        raise ValueError(f"out={cfg.out}: must end in .md; the numbers go beside it as .csv")
    rows, left_out = find_rows(Store(cfg.paths.mlruns), cfg.experiment_name, cfg.folds)
    for run, why in left_out.items():
        print(f"left out: {run} ({why})")
    exam = Exam(cfg.excerpts_per_song, cfg.examples, cfg.seed, tuple(cfg.refined))
    _check_refined(exam.refined, [row.title for row in rows])
    folds = [f"{fold}/{cfg.folds}" for fold in range(cfg.folds)]
    roughs = None if cfg.data.root is None else cfg.data
    marks = examine(rows, folds, exam, roughs)
    seconds = next(iter(rows[0].mixers(folds[0]).values())).config.excerpt
    print(write_page(path, marks, rows, exam, cfg.folds, float(seconds)))
    print(path)


def _check_refined(refined: Sequence[str], titles: Sequence[str]) -> None:
    for title in refined:
        if title not in titles:
            raise ValueError(f"refined={title}: no such row; there is {', '.join(titles)}")


if __name__ == "__main__":
    main()
