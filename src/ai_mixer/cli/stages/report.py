"""Report: every configuration that was trained, best first, as a table over all runs."""

from collections import Counter
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.tracking import list_runs
from ai_mixer.tracking.aggregate import RunTable, aggregate_runs
from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.markdown import to_markdown

EXPLANATION = (
    "Skill is protocol K, closeness protocol A, on the held-out songs of each run: 0 is no better "
    "than mean knobs and the rough version, 1 is exact. In brackets the 95 % interval of the mean "
    "over seeds or folds (Student's t); one run alone has none. Rows compare only where the songs "
    "are the same. Weights in millions."
)


def text(found: RunTable) -> str:
    """The table as markdown, what it means and what is in no row."""
    rows = found.table.set_index(["words", "songs", "runs"])
    kinds = Counter(found.excluded.values())
    lines = [f"- {count} {why}: {_first(found, why)}" for why, count in kinds.most_common()]
    excluded = ["", "Runs in no row:", *lines] if lines else []
    return "\n".join(["# Runs", "", EXPLANATION, "", to_markdown(rows).rstrip(), *excluded, ""])


def _first(found: RunTable, why: str) -> str:
    """Some of the runs by name."""
    ids = [run_id[:8] for run_id, reason in found.excluded.items() if reason == why]
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")


def write(found: RunTable, path: Path) -> None:
    """The markdown at `path`, and the numbers beside it as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with reraise_disk_full(path):
        path.write_text(text(found), encoding="utf-8")
        found.table.to_csv(path.with_suffix(".csv"), index=False)


@stage("report")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.report [name=value …]`."""
    runs = list_runs(cfg.paths.mlruns, cfg.experiment_name, cfg.where)
    if runs.empty:
        asked = ", ".join(
            f"{k}={cfg[k]}" for k in ("experiment_name", "where") if cfg[k] is not None
        )
        raise ValueError(
            f"no run{f' with {asked}' if asked else ''} in {cfg.paths.mlruns}: "
            "`make train` makes one"
        )
    found = aggregate_runs(runs, cfg.by)
    path = Path(cfg.out)
    if path.suffix != ".md":
        raise ValueError(f"out={cfg.out}: must end in .md; the numbers go beside it as .csv")
    write(found, path)
    print(text(found))
    print(path)


if __name__ == "__main__":
    main()
