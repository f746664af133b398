"""Report: a table of all trained configurations, the best first."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command
from ai_mixer.utils.disk_errors import reraise_disk_full

if TYPE_CHECKING:
    from ai_mixer.tracking.aggregate import RunTable

EXPLANATION = (
    "Skill is protocol K, closeness protocol A, on the held-out songs of each run: 0 is that of "
    "mean knobs and of the rough version, 1 is exact. Brackets: 95 % interval of the mean over "
    "seeds or folds (Student's t), for two runs or more. Rows are comparable only if the songs are "
    "the same. Weights in millions."
)


def text(run_table: "RunTable") -> str:
    """Markdown: explanation, table and excluded runs."""
    from ai_mixer.utils.markdown import to_markdown

    rows = run_table.table.set_index(["words", "songs", "runs"])
    counts = Counter(run_table.excluded.values())
    lines = [
        f"- {count} {reason}: {_examples(run_table, reason)}"
        for reason, count in counts.most_common()
    ]
    excluded = ["", "Excluded runs:", *lines] if lines else []
    return "\n".join(["# Runs", "", EXPLANATION, "", to_markdown(rows).rstrip(), *excluded, ""])


def _examples(run_table: "RunTable", reason: str) -> str:
    """Ids of up to five runs that were excluded for this reason."""
    ids = [run_id[:8] for run_id, other in run_table.excluded.items() if other == reason]
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")


def write(run_table: "RunTable", path: Path) -> None:
    """Write Markdown to `path`, and the table as CSV next to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with reraise_disk_full(path):
        path.write_text(text(run_table), encoding="utf-8")
        run_table.table.to_csv(path.with_suffix(".csv"), index=False)


@stage("report")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.report [name=value …]`."""
    from ai_mixer.tracking import list_runs
    from ai_mixer.tracking.aggregate import aggregate_runs

    runs = list_runs(cfg.paths.mlruns, cfg.experiment_name, cfg.where)
    if runs.empty:
        filters = ", ".join(
            f"{key}={cfg[key]}" for key in ("experiment_name", "where") if cfg[key] is not None
        )
        raise ValueError(
            f"no run{f' with {filters}' if filters else ''} in {cfg.paths.mlruns}: "
            f"`{stage_command('train')}` creates one"
        )
    run_table = aggregate_runs(runs, cfg.by)
    path = Path(cfg.out)
    if path.suffix != ".md":
        raise ValueError(f"out={cfg.out}: must end in .md; the table is written as .csv as well")
    write(run_table, path)
    print(text(run_table))
    print(path)


if __name__ == "__main__":
    main()
