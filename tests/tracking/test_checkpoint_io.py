"""A checkpoint is whole or not there, and says what it is."""

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


def test_what_is_read_is_what_was_saved_with_its_stamp(path: Path) -> None:
    read = AtomicCheckpointIO("b").load_checkpoint(path)
    assert read.pop("ai_mixer") == {"format": 1, "run": "a" * 32}
    assert read.pop("state_dict")["w"].equal(STATE["state_dict"]["w"])
    assert read == {key: value for key, value in STATE.items() if key != "state_dict"}
    assert torch.load(path, weights_only=True)["epoch"] == 3
    assert "ai_mixer" not in STATE
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_write_that_breaks_off_leaves_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def half(state: object, file: object) -> None:
        file.write(before[: len(before) // 2])  # type: ignore[attr-defined]
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space"):
        AtomicCheckpointIO("a").save_checkpoint({"epoch": 4}, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_the_file_is_renamed_within_its_folder_once_it_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only within one folder is a rename sure to be one step."""
    renamed = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        renamed.append((self.parent, read_checkpoint(self)["epoch"], target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    AtomicCheckpointIO("a").save_checkpoint({**STATE, "epoch": 4}, path)
    assert renamed == [(path.parent, 4, path)]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_half_a_file_is_named_in_one_line(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, "is damaged or no checkpoint")


def test_other_files_are_named_in_one_line(path: Path, tmp_path: Path) -> None:
    path.write_text("epoch: 3\n")
    refused(path, "is damaged or no checkpoint")
    torch.save(pl.Trainer, path)  # would run code of its own
    refused(path, "is damaged or no checkpoint")
    for foreign in ([1, 2], {"state_dict": {}}, {"ai_mixer": 1}):
        torch.save(foreign, path)
        refused(path, "has format None, this version reads 1")
    torch.save({**STATE, "ai_mixer": {"format": 2, "run": "a"}}, path)
    refused(path, "has format 2, this version reads 1")
    refused(tmp_path / "nowhere.ckpt", "cannot be read: No such file")
    refused(tmp_path, "cannot be read: Is a directory")


def refused(path: Path, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
