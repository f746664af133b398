"""`make sweep` whose trainings last milliseconds: kills and failures in real processes.

The figure is best at optimizer.lr = 1e-4. An epoch lasts FAKE_EPOCH_S; each is written down in
`epochs.log` beside the runs, as `<trial> <epoch> <process>`. FAKE_FAILS: whose trials fail.
FAKE_TOGETHER: the first epoch lasts until so many processes are at work.
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
    cfg, defaults, words, choices, parent_id, *, tags, extra_callbacks, evaluate_after, resume_hint
):
    """Leaves what a training leaves: a run that can go on from its last epoch."""
    store, name = Store(cfg.paths.mlruns), tags.get(TRIAL_TAG, "fold")
    if cfg.ckpt_path:
        run = Run.resume(store, cfg.ckpt_path)
    else:
        run = Run.start(store, str(cfg.experiment_name), cfg.run_name, tags, parent_id=parent_id)
    with run:
        save_overrides(run, words)
        checkpoint = run.artifact_dir / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(exist_ok=True)
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(done, cfg.trainer.max_epochs):
            with (store.folder / "epochs.log").open("a") as log:
                log.write(f"{name} {epoch} {os.getpid()}\n")
            time.sleep(float(os.environ.get("FAKE_EPOCH_S", "0")))
            while at_work(store) < int(os.environ.get("FAKE_TOGETHER", "1")):
                time.sleep(0.05)
            if name in os.environ.get("FAKE_FAILS", "").split(","):
                raise RuntimeError("no luck")
            checkpoint.write_text(str(epoch + 1))
        figure = 1.0 - abs(math.log10(cfg.optimizer.lr) + 4.0)
        run.log_metrics({"best/val/skill": figure, "val/perceptual": 1.0 + 10 * cfg.optimizer.lr})
    return run


def at_work(store):
    """How many processes have begun an epoch."""
    lines = (store.folder / "epochs.log").read_text().splitlines()
    return len({line.split()[2] for line in lines})


@stage("sweep", transform=with_study_overrides)
def main(cfg):
    overrides = list(HydraConfig.get().overrides.task)
    run_study(cfg, overrides, train, lambda run: None, lambda cfg: None, [sys.executable, __file__])


if __name__ == "__main__":
    main()
