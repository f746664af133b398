from pathlib import Path

import pytest
import torch

from ai_mixer.tracking.checkpoint import save_model
from ai_mixer.tracking.find import find_run
from ai_mixer.tracking.relocate import relocate
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store


def test_a_moved_folder_is_mended(store: Store, tmp_path: Path) -> None:
    with Run.start(store, "train") as run:
        card = {"config": {}, "knobs": [], "trained": []}
        save_model(run.artifact_dir, {"w": torch.ones(1)}, card)
    home = tmp_path / "new home"
    store.folder.rename(home)
    with pytest.raises(FileNotFoundError):
        find_run("last", home)

    assert relocate(home) >= 2  # the experiment and its run
    assert find_run("last", home).is_relative_to(home)
    assert relocate(home) == 0
    with Run.start(Store(home), "train") as fresh:
        assert fresh.artifact_dir.is_relative_to(home)


def test_nothing_to_mend(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mlflow\.db"):
        relocate(tmp_path)
