"""The note of a listening sample: how far the level of the rough is from the finished version."""

from types import SimpleNamespace

import pytest
import torch

from ai_mixer import load_console
from ai_mixer.evaluation.render import rough_note

RATE = 44_100


def batch(gain_db):
    finished = 0.05 * torch.randn(1, 2, RATE, generator=torch.Generator().manual_seed(0))
    rough = finished * 10 ** (gain_db / 20)
    return SimpleNamespace(rough=rough, finished=finished, sample_rate=RATE)


@pytest.mark.parametrize(
    ("gain_db", "text"), [(-18, "18.0 LU quieter"), (6, "6.0 LU louder")], ids=["soft", "loud"]
)
def test_note_has_the_difference_and_the_range_that_it_comes_from(gain_db, text):
    note = rough_note(batch(gain_db), load_console(ranges="wide"))
    assert note.startswith(f"The rough is {text} than the finished version")
    assert "input gain × 0.25 to × 4.00" in note
    assert note.endswith("together up to 24 dB.")


def test_silence_has_no_note():
    assert rough_note(batch(-float("inf")), load_console(ranges="wide")) == ""
