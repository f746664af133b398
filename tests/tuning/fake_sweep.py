"""A sweep whose trainings take milliseconds, for tests of kills and failures in real processes.

The metric is best at optimizer.lr = 1e-4. An epoch takes FAKE_EPOCH_S seconds and is logged in
`epochs.log` in the folder of runs, as `<trial> <epoch> <process>`. FAKE_FAILS: trials that fail.
FAKE_TOGETHER: the first epoch lasts until this many processes have started one.
"""

import math
import os
import sys
import time

from hydra.core.hydra_config import HydraConfig

from ai_mixer.cli.stage import stage
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import save_overrides
from ai_mixer.tuning.objective import TRIAL_TAG
from ai_mixer.tuning.resume import with_study_overrides
from ai_mixer.tuning.runner import run_study


def train(
    cfg,
    defaults,
    overrides,
    choices,
    parent_id,
    *,
    tags,
    extra_callbacks,
    evaluate_after,
    resume_hint,
):
    """Return a run with metrics and a checkpoint from which it can be resumed."""
    store, name = Store(cfg.paths.mlruns), tags.get(TRIAL_TAG, "fold")
    if cfg.ckpt_path:
        run = Run.resume(store, cfg.ckpt_path)
    else:
        run = Run.start(store, str(cfg.experiment_name), cfg.run_name, tags, parent_id=parent_id)
    with run:
        save_overrides(run, overrides)
        checkpoint = run.artifact_dir / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(exist_ok=True)
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(done, cfg.trainer.max_epochs):
            with (store.folder / "epochs.log").open("a") as log:
                log.write(f"{name} {epoch} {os.getpid()}\n")
            time.sleep(float(os.environ.get("FAKE_EPOCH_S", "0")))
            while count_processes(store) < int(os.environ.get("FAKE_TOGETHER", "1")):
                time.sleep(0.05)
            if name in os.environ.get("FAKE_FAILS", "").split(","):
                raise RuntimeError("no luck")
            checkpoint.write_text(str(epoch + 1))
        skill = 1.0 - abs(math.log10(cfg.optimizer.lr) + 4.0)
        run.log_metrics({"best_val_skill": skill, "val/perceptual": 1.0 + 10 * cfg.optimizer.lr})
    return run


def count_processes(store):
    """Number of processes that have started an epoch."""
    lines = (store.folder / "epochs.log").read_text().splitlines()
    return len({line.split()[2] for line in lines})


@stage("sweep", transform=with_study_overrides)
def main(cfg):
    overrides = list(HydraConfig.get().overrides.task)
    run_study(cfg, overrides, train, lambda run: None, lambda cfg: None, [sys.executable, __file__])


if __name__ == "__main__":
    main()
