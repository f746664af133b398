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
    from ai_mixer.evaluation.comparison.compare_tracks import compare_tracks
    from ai_mixer.evaluation.comparison.page import summary_text, write_comparison
    from ai_mixer.evaluation.comparison.runs import find_compared_runs, load_compared_runs
    from ai_mixer.inference.predictor import load_model
    from ai_mixer.inference.track_predictor import is_track_model, load_track_model

    names = ("split", "excerpts_per_song", "songs", "seconds", "allow_seen", "seed")
    options: dict[str, Any] = {name: cfg[name] for name in names}
    options["data"] = cfg.get("data")
    folders = find_compared_runs([str(run) for run in cfg.runs or []], cfg.paths.mlruns)
    if is_track_model(folders[0]):
        tracks = load_compared_runs(folders, lambda path: load_track_model(path, cfg.allow_targets))
        comparison = compare_tracks(tracks, **options)
    else:
        runs = load_compared_runs(folders, lambda path: load_model(path, cfg.allow_targets))
        comparison = compare(runs, **options)
    page = write_comparison(comparison, Path(cfg.out))
    print(summary_text(comparison))
    print(page)


if __name__ == "__main__":
    main()
