"""Sweep UI: Optuna's dashboard of a study."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.utils.network import check_address


@stage("sweep_ui")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.sweep_ui [study=… storage=…]`: serve until interrupted."""
    from ai_mixer.tuning.resume import newest_study
    from ai_mixer.tuning.storage import MISSING_EXTRA, open_storage

    try:
        from optuna_dashboard import run_server
    except ImportError as error:
        raise ValueError(f"the dashboard {MISSING_EXTRA}") from error
    check_address(str(cfg.host), int(cfg.port))
    use_newest = cfg.study == "last" and cfg.storage == "journal"
    name = newest_study(cfg.paths.mlruns) if use_newest else str(cfg.study)
    storage = open_storage(str(cfg.storage), name, cfg.paths.mlruns, cfg.paths.data)
    print(f"http://{cfg.host}:{cfg.port}/dashboard (study {name})", flush=True)
    run_server(storage, host=cfg.host, port=int(cfg.port))


if __name__ == "__main__":
    main()
