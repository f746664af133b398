"""Report: a table of all trained configurations, the best first."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command
from ai_mixer.utils.disk_errors import reraise_disk_full

if TYPE_CHECKING:
    from ai_mixer.tracking.aggregate import RunTable


def write(run_table: "RunTable", path: Path) -> None:
    """Write Markdown to `path`, and the table as CSV next to it."""
    from ai_mixer.tracking.report import report_text

    path.parent.mkdir(parents=True, exist_ok=True)
    with reraise_disk_full(path):
        path.write_text(report_text(run_table), encoding="utf-8")
        run_table.table.to_csv(path.with_suffix(".csv"), index=False)


@stage("report")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.report [name=value …]`."""
    from ai_mixer.tracking import list_runs
    from ai_mixer.tracking.aggregate import aggregate_runs
    from ai_mixer.tracking.report import report_text

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
    print(report_text(run_table))
    print(path)


if __name__ == "__main__":
    main()
