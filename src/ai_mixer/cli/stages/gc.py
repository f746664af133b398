"""Clean the folder of runs: say what can go, and with confirm=1 let it go."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.tracking import Store
from ai_mixer.tracking.gc import delete_candidates, describe_cleanup
from ai_mixer.tracking.orphans import find_cleanup_candidates


@stage("gc")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.gc [confirm=1]`."""
    store = Store(cfg.paths.mlruns)
    found = find_cleanup_candidates(store)
    print(describe_cleanup(store, found))
    if found and not cfg.confirm:
        print("nothing was touched: `make gc confirm=1` does it, and there is no way back")
    elif found:
        delete_candidates(store, found)
        print("done")


if __name__ == "__main__":
    main()
