"""A small tree of songs, and a task that shows what the dataset handed to it."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.core.types import CONDITIONS, Example

SAMPLE_RATE = 8_000


def _write_song(path: Path, seconds: float = 4.0, level: float = 0.1) -> Path:
    """A ramp that tells where in the song one is: sample n = level · (1 + n / T)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = level * np.linspace(1, 2, int(seconds * SAMPLE_RATE), endpoint=False)
    soundfile.write(path, np.stack([ramp, -ramp], axis=1), SAMPLE_RATE, subtype="FLOAT")
    return path


class ShowTask:
    """rough = the excerpt, reference = the other one; one knob, drawn by lot."""

    def __init__(self, condition="any"):
        self.condition = condition

    def __call__(self, finished, other, *, dry, sample_rate, rng, condition=None, rough=None):
        condition = condition or (CONDITIONS[0] if self.condition == "any" else self.condition)
        return Example(
            rough=finished if rough is None else rough,
            finished=finished,
            reference=other(),
            condition=CONDITIONS.index(condition),
            knobs=torch.tensor([rng.random()]),
            mask=torch.tensor([dry]),
            genre=-1,
            sample_rate=sample_rate,
            song_id="",
        )


@pytest.fixture(scope="session")
def write_song():
    """The function that writes one."""
    return _write_song


@pytest.fixture
def show_task():
    """A task for any condition."""
    return ShowTask()


@pytest.fixture
def open_folder():
    """A folder that everybody may look into; pytest's own are for their owner."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def nobody():
    """A context in which files are opened with the rights of nobody: root may read all of them."""

    @contextmanager
    def rights():
        me = os.geteuid()
        if me == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(me)

    return rights


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Six songs of six artists in two genres, and one without either."""
    root = tmp_path_factory.mktemp("tree")
    for artist in "abc":
        _write_song(root / "rock" / artist / "song.wav")
    _write_song(root / "Hip-Hop" / "d" / "first.wav")
    _write_song(root / "Hip-Hop" / "d" / "second.wav")
    _write_song(root / "Hip-Hop" / "lonely.wav")
    _write_song(root / "loose.wav")
    return root
