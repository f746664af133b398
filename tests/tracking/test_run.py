"""A run in MLflow: start, logging, resume and end."""

import subprocess
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store

matplotlib.use("Agg")


def commit_and_change(code: Path) -> None:
    """Create a repository with one commit and a new file."""
    code.mkdir()
    git = ["git", "-C", str(code), "-c", "user.name=A", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    (code / "new.py").write_text("x = 1\n")


def status(store: Store, run: Run) -> str:
    return store.client.get_run(run.id).info.status


def test_logged_data_is_in_the_run(store: Store, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.bin").write_bytes(b"a")
    with Run.start(store, "train", "first", {"model": "cnn"}) as run:
        run.log_params({"lr": 0.1, "model": {"width": 64}}, {"lr": 0.2, "model": {"width": 64}})
        run.log_metrics({"loss/knobs": 0.5, "skill (K)": 0.25}, step=3)
        run.log_text("a: 1\n", "config.yaml")
        run.log_table(pd.DataFrame({"song": ["x"], "closeness": [0.5]}), "eval/songs.csv")
        run.log_artifact(tmp_path / "folder" / "a.bin", "single")
        run.log_artifacts(tmp_path / "folder", "many")
        run.describe("# Headline")
    data = store.client.get_run(run.id).data
    assert data.params == {"lr": "0.1"}
    assert data.metrics == {"loss/knobs": 0.5, "skill _K_": 0.25}
    assert data.tags["model"] == "cnn"
    assert data.tags["mlflow.note.content"] == "# Headline"
    assert status(store, run) == "FINISHED"
    assert (run.artifact_dir / "config.yaml").read_text() == "a: 1\n"
    assert (run.artifact_dir / "eval/songs.csv").read_text() == "song,closeness\nx,0.5\n"
    for name in ("single/a.bin", "many/a.bin"):
        assert (run.artifact_dir / name).is_file()
    assert run.artifact_dir.is_relative_to(store.artifacts / "train")


@pytest.mark.parametrize(
    ("error", "expected"), [(RuntimeError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_an_error_sets_status_and_tag(store: Store, error: BaseException, expected: str) -> None:
    with pytest.raises(type(error)), Run.start(store, "train") as run:
        raise error
    assert status(store, run) == expected
    assert store.client.get_run(run.id).data.tags["error"].startswith(type(error).__name__)


def test_commit_and_patch_are_logged(store: Store, tmp_path: Path) -> None:
    code = tmp_path / "code"
    commit_and_change(code)
    with Run.start(store, "train", code=code) as run:
        tags = store.client.get_run(run.id).data.tags
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["git.state"] == "dirty"
    assert "+x = 1" in (run.artifact_dir / "git.patch").read_text()


def test_code_outside_a_repository_is_tagged(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with Run.start(store, "train", code=tmp_path) as run:
        tags = store.client.get_run(run.id).data.tags
    assert tags["git.state"] == "not a git repository"


def test_resume_keeps_params_and_adds_metrics(store: Store) -> None:
    with Run.start(store, "train") as run:
        run.log_params({"lr": 0.1, "seed": 1})
        run.log_metrics({"loss": 1.0}, step=0)
    with Run.resume(store, run.id) as resumed_run:
        assert status(store, run) == "RUNNING"
        resumed_run.log_params({"lr": 0.3, "seed": 1, "epochs": 2})
        resumed_run.log_metrics({"loss": 0.5}, step=1)
    data = store.client.get_run(run.id).data
    assert data.params == {"lr": "0.1", "seed": "1", "epochs": "2"}
    assert data.tags["resumed.lr"] == "0.3"
    assert "resumed.seed" not in data.tags
    assert len(store.client.get_metric_history(run.id, "loss")) == 2
    assert status(store, run) == "FINISHED"


def test_params_changed_by_a_resume_are_tagged(store: Store) -> None:
    """Also values that become or were the default, and that change back."""
    with Run.start(store, "train") as run:
        run.log_params({"lr": 0.1, "seed": 1, "epochs": 4}, {"lr": 0.2, "seed": 0, "epochs": 4})
    defaults = {"lr": 0.2, "seed": 0, "epochs": 4}
    with Run.resume(store, run.id) as resumed_run:
        resumed_run.log_params({"lr": 0.2, "seed": 1, "epochs": 9}, defaults)
    with Run.resume(store, run.id) as resumed_run:
        resumed_run.log_params({"lr": 0.1, "seed": 1, "epochs": 9}, defaults)
    data = store.client.get_run(run.id).data
    assert data.params == {"lr": "0.1", "seed": "1", "epochs": "9"}
    resumed = {name: v for name, v in data.tags.items() if name.startswith("resumed.")}
    assert resumed == {"resumed.lr": "0.1", "resumed.epochs": "9"}


def test_resume_deletes_the_error_tag(store: Store) -> None:
    with pytest.raises(RuntimeError), Run.start(store, "train") as run:
        raise RuntimeError("no")
    assert "error" in run.tags
    with Run.resume(store, run.id):
        pass
    assert "error" not in run.tags


def test_a_point_logged_twice_is_one_point(store: Store) -> None:
    with Run.start(store, "train") as run:
        run.log_metrics({"test_skill": 0.5, "test_none": float("nan"), "best": 1.0}, step=7)
    with Run.resume(store, run.id) as resumed_run:
        resumed_run.log_metrics({"test_skill": 0.5, "test_none": float("nan"), "best": 2.0}, step=7)
        resumed_run.log_metrics({"test_skill": 0.5}, step=9)
    points = {
        name: [(point.step, point.value) for point in store.client.get_metric_history(run.id, name)]
        for name in ("test_skill", "test_none", "best")
    }
    assert points["test_skill"] == [(7, 0.5), (9, 0.5)]
    assert len(points["test_none"]) == 1
    assert points["best"] == [(7, 1.0), (7, 2.0)]  # another value is another point


def test_changed_code_of_a_resumed_run_is_logged_in_addition(store: Store, tmp_path: Path) -> None:
    code = tmp_path / "code"
    commit_and_change(code)
    with Run.start(store, "train", code=code) as run:
        pass
    before = (run.artifact_dir / "git.patch").read_text()
    with Run.resume(store, run.id, code=code):
        assert not [name for name in run.tags if name.startswith("resumed.")]
    (code / "new.py").write_text("x = 2\n")
    with Run.resume(store, run.id, code=code):
        assert run.tags["resumed.git.commit"] == run.tags["mlflow.source.git.commit"]
    assert (run.artifact_dir / "git.patch").read_text() == before
    assert "+x = 2" in (run.artifact_dir / "resumed.git.patch").read_text()


def test_resume_of_an_unknown_run_is_an_error(store: Store) -> None:
    with pytest.raises(ValueError, match="no run 'nonsense'"):
        Run.resume(store, "nonsense")


def test_more_values_than_mlflow_accepts_per_call(store: Store) -> None:
    with Run.start(store, "train") as run:
        run.log_params({f"p{n}": n for n in range(250)})
        run.log_metrics({f"m{n}": n for n in range(1200)})
    data = store.client.get_run(run.id).data
    assert (len(data.params), len(data.metrics)) == (250, 1200)


def test_a_child_run_has_the_id_of_its_parent(store: Store) -> None:
    with (
        Run.start(store, "sweep") as parent,
        Run.start(store, "sweep", parent_id=parent.id) as child,
    ):
        pass
    assert store.client.get_run(child.id).data.tags["mlflow.parentRunId"] == parent.id


class LinearModule(pl.LightningModule):
    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(1, width)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_lightning_logs_to_the_run_and_starts_no_other(store: Store, tmp_path: Path) -> None:
    loader = DataLoader(TensorDataset(torch.ones(4, 1)))
    with Run.start(store, "train") as run:
        trainer = pl.Trainer(
            max_epochs=1,
            logger=run.lightning_logger(),
            log_every_n_steps=1,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path / "lightning",
            enable_checkpointing=False,
        )
        trainer.fit(LinearModule(), loader)
        assert status(store, run) == "RUNNING"  # Lightning does not end the run
        run.log_metrics({"after": 1.0})
    experiments = store.client.search_experiments()
    runs = store.client.search_runs([e.experiment_id for e in experiments])
    assert [r.info.run_id for r in runs] == [run.id]
    assert len(store.client.get_metric_history(run.id, "loss")) == 4
    assert not list(tmp_path.glob("mlruns"))
    if "mlflow" in sys.modules:
        assert sys.modules["mlflow"].active_run() is None
