"""A small folder of songs, and a task whose example contains its inputs."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.core.types import CONDITIONS, Example

SAMPLE_RATE = 8_000


def _write_song(path: Path, seconds: float = 4.0, level: float = 0.1) -> Path:
    """Write a ramp whose samples show the position: sample n = level · (1 + n / T)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = level * np.linspace(1, 2, int(seconds * SAMPLE_RATE), endpoint=False)
    soundfile.write(path, np.stack([ramp, -ramp], axis=1), SAMPLE_RATE, subtype="FLOAT")
    return path


class ShowTask:
    """rough = the excerpt, reference = the second excerpt; one random knob."""

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
    """The function `_write_song`."""
    return _write_song


@pytest.fixture
def show_task():
    """A task for any condition."""
    return ShowTask()


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Seven songs: five artists or groups in two genres, and one song without either."""
    root = tmp_path_factory.mktemp("tree")
    for artist in "abc":
        _write_song(root / "rock" / artist / "song.wav")
    _write_song(root / "Hip-Hop" / "d" / "first.wav")
    _write_song(root / "Hip-Hop" / "d" / "second.wav")
    _write_song(root / "Hip-Hop" / "lonely.wav")
    _write_song(root / "loose.wav")
    return root
