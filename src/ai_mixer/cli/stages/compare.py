"""Compare: several runs on the same songs, as one page with a blind test and tables."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.overrides import quote_run_list


@stage("compare", transform=quote_run_list)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.compare runs=a,b [name=value …]`."""
    from ai_mixer.evaluation.comparison.compare import compare
    from ai_mixer.evaluation.comparison.page import summary_text, write_comparison
    from ai_mixer.evaluation.comparison.runs import load_compared_runs

    names = ("split", "excerpts_per_song", "songs", "seconds", "allow_seen", "seed")
    options: dict[str, Any] = {name: cfg[name] for name in names}
    runs = load_compared_runs(
        [str(run) for run in cfg.runs or []], cfg.paths.mlruns, cfg.allow_targets
    )
    comparison = compare(runs, data=cfg.get("data"), **options)
    page = write_comparison(comparison, Path(cfg.out))
    print(summary_text(comparison))
    print(page)


if __name__ == "__main__":
    main()
