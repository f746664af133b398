"""Package: add a trained model to the package, with eight-bit weights and a model card."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command
from ai_mixer.utils.log import logger


def package(
    folder: Path,
    run: Path,
    name: str,
    about: str,
    leaderboard: Path | None,
    entry: str | None = None,
    folds: Sequence[Path] = (),
    results: Path | None = None,
) -> Path:
    """Write `folder`/`name`: eight-bit weights, model.json without paths, card.md, seen songs.

    run: folder of the run. entry: the recipe's entry on the leaderboard, by default `name`. folds:
    model folders of the recipe's cross-validation, whose mean calibration is used; by default the
    run's own; their songs count as seen. results: Markdown for the section "Evaluation" of the card
    instead of the leaderboard's tables. Returns the folder of the model.
    """
    from ai_mixer.data.metadata_cache import MetadataCache
    from ai_mixer.evaluation.leaderboard.model_results import model_results
    from ai_mixer.inference import pretrained
    from ai_mixer.inference.model_card import card_text
    from ai_mixer.inference.seen_songs import SEEN_SONGS_FILE, combine_seen_songs, load_seen_songs
    from ai_mixer.inference.track_predictor import load_any_model
    from ai_mixer.tracking import save_model
    from ai_mixer.tracking.int8 import quantize
    from ai_mixer.tracking.model_files import load_model_files
    from ai_mixer.tracking.overrides import publishable_config
    from ai_mixer.training.calibration import mean_factors

    # Raises before an existing model is replaced.
    evaluation = (
        results.read_text(encoding="utf-8")
        if results
        else model_results(entry or name, leaderboard, len(folds))
    )
    weights, card = load_model_files(run)
    config = publishable_config(card["config"])
    packaged = {key: value for key, value in card.items() if key != "weights_sha256"}
    if folds:
        calibrations = [load_model_files(fold)[1].get("calibration") for fold in folds]
        packaged["calibration"] = mean_factors([c for c in calibrations if c]) or None
    target = save_model(folder / name, quantize(weights), {**packaged, "config": config})
    title = pretrained.display_name(name)
    text = card_text(run, {**packaged, "config": card["config"]}, title, about, evaluation)
    (target / "card.md").write_text(text, encoding="utf-8")
    seen = combine_seen_songs([load_seen_songs(f, MetadataCache()) for f in (run, *folds)])
    if seen is None:
        logger.warning("songs seen in training: unknown, evaluations of %s cannot omit them", name)
        (target / SEEN_SONGS_FILE).unlink(missing_ok=True)
    else:
        seen.save(target)
    load_any_model(target)  # raises if the packaged files cannot be loaded
    return target


def _folds(cfg: DictConfig) -> list[Path]:
    """Model folders of the cross-validation given by `folds=`, if any."""
    from ai_mixer.tracking import Store
    from ai_mixer.tracking.run_lookup import fold_model_folders
    from ai_mixer.training.builders import run_override

    if cfg.folds is None:
        return []
    folders = fold_model_folders(run_override(cfg, "folds"), Store(cfg.paths.mlruns))
    if not folders:
        command = stage_command("train", ["cv=5"])
        raise ValueError(f"folds={cfg.folds}: not a finished cross-validation (`{command} …`)")
    return list(folders.values())


@stage("package")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.package run=ID name=NAME about=SENTENCE`."""
    from ai_mixer.inference import pretrained
    from ai_mixer.tracking import find_run
    from ai_mixer.training.builders import run_override

    run = find_run(run_override(cfg), cfg.paths.mlruns)
    leaderboard = None if cfg.leaderboard is None else Path(cfg.leaderboard)
    target = package(
        pretrained.MODELS_DIR,
        run,
        cfg.name,
        cfg.about,
        leaderboard,
        cfg.leaderboard_entry,
        _folds(cfg),
        None if cfg.results is None else Path(cfg.results),
    )
    for file, chosen in {
        "default.txt": cfg.make_default,
        "blind.txt": cfg.make_blind_default,
        "tracks.txt": cfg.make_tracks_default,
    }.items():
        if chosen:
            (pretrained.MODELS_DIR / file).write_text(f"{cfg.name}\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
