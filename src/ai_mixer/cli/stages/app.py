"""App: a page that plays held-out songs of a run and mixes with its model."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("app")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.app [run=ID] [port=…]`: serve until interrupted."""
    from ai_mixer.app.run_songs import listening_songs
    from ai_mixer.app.serve import serve
    from ai_mixer.app.worker import ProcessRunner
    from ai_mixer.config.stage_command import stage_command
    from ai_mixer.inference.track_predictor import is_track_model
    from ai_mixer.tracking import find_run
    from ai_mixer.tracking.run_lookup import results_folder
    from ai_mixer.training.builders import run_override

    name = run_override(cfg)
    run = find_run(name, cfg.paths.mlruns)
    songs = listening_songs(results_folder(run, cfg.paths.outputs) / "listening", f"run={name}")
    if is_track_model(run) and not all(song.tracks for song in songs):
        command = stage_command("render", [f"run={name}"])
        print(f"listening samples without tracks: `{command}` writes them")
    home = Path(cfg.folder).resolve()
    serve(
        home,
        ProcessRunner(home),
        port=cfg.port,
        browser=bool(cfg.browser),
        models={f"Run {name}": run},
        songs=songs,
    )


if __name__ == "__main__":
    main()
