"""Clean up the folder of runs: list what can be deleted; delete it with confirm=1."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command


@stage("gc")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.gc [confirm=1]`."""
    from ai_mixer.tracking import Store
    from ai_mixer.tracking.gc import delete_candidates, describe_cleanup
    from ai_mixer.tracking.orphans import find_cleanup_candidates

    store = Store(cfg.paths.mlruns)
    candidates = find_cleanup_candidates(store)
    print(describe_cleanup(store, candidates))
    if candidates and not cfg.confirm:
        command = stage_command("gc", ["confirm=1"])
        print(f"nothing was deleted: `{command}` deletes it permanently")
    elif candidates:
        delete_candidates(store, candidates)
        print("deleted")


if __name__ == "__main__":
    main()
