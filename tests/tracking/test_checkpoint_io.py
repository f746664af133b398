"""Checkpoints are written atomically, with format and run id."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO, read_checkpoint

STATE = {"epoch": 3, "state_dict": {"w": torch.arange(6.0)}, "nested": {"a": [1, None, "b"]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    AtomicCheckpointIO("a" * 32).save_checkpoint(STATE, tmp_path / "deep" / "last.ckpt")
    return tmp_path / "deep" / "last.ckpt"


def test_checkpoint_round_trip_adds_format_and_run_id(path: Path) -> None:
    read = AtomicCheckpointIO("b").load_checkpoint(path)
    assert read.pop("ai_mixer") == {"format": 1, "run": "a" * 32}
    assert read.pop("state_dict")["w"].equal(STATE["state_dict"]["w"])
    assert read.pop("callbacks") == {}
    assert read == {key: value for key, value in STATE.items() if key != "state_dict"}
    assert torch.load(path, weights_only=True)["epoch"] == 3
    assert "ai_mixer" not in STATE
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_an_interrupted_write_keeps_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def write_half(state: object, file: object) -> None:
        file.write(before[: len(before) // 2])  # type: ignore[attr-defined]
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", write_half)
    with pytest.raises(OSError, match="no space"):
        AtomicCheckpointIO("a").save_checkpoint({"epoch": 4}, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_the_complete_file_is_renamed_within_its_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename is atomic only on one file system."""
    renamed = []
    replace = Path.replace

    def record(self: Path, target: Path) -> Path:
        renamed.append((self.parent, read_checkpoint(self)["epoch"], target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", record)
    AtomicCheckpointIO("a").save_checkpoint({**STATE, "epoch": 4}, path)
    assert renamed == [(path.parent, 4, path)]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_checkpoint_is_an_error(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert_error(path, "is damaged or no checkpoint")


def test_files_of_other_formats_are_errors(path: Path, tmp_path: Path) -> None:
    path.write_text("epoch: 3\n")
    assert_error(path, "is damaged or no checkpoint")
    torch.save(pl.Trainer, path)  # a pickle of a class
    assert_error(path, "is damaged or no checkpoint")
    for foreign in ([1, 2], {"state_dict": {}}, {"ai_mixer": 1}):
        torch.save(foreign, path)
        assert_error(path, "has format None, this version reads 1")
    torch.save({**STATE, "ai_mixer": {"format": 2, "run": "a"}}, path)
    assert_error(path, "has format 2, this version reads 1")
    assert_error(tmp_path / "missing.ckpt", "cannot be read: No such file")
    assert_error(tmp_path, "cannot be read: Is a directory")


def assert_error(path: Path, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        read_checkpoint(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
