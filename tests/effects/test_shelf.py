import pytest
import torch

from ai_mixer.effects.shelf import Shelf


def tone(frequency_hz, sample_rate=44_100):
    time = torch.arange(sample_rate, dtype=torch.float64) / sample_rate
    return 0.1 * torch.sin(2 * torch.pi * frequency_hz * time).expand(2, 2, -1)


@pytest.mark.parametrize(
    ("kind", "lifted_hz", "kept_hz"), [("low", 30, 9000), ("high", 15_000, 60)]
)
def test_lifts_its_side_and_keeps_the_other(kind, lifted_hz, kept_hz):
    shelf, gain_db = Shelf(kind, 1000.0), torch.tensor([6.0, -6.0], dtype=torch.float64)
    for frequency_hz, expected_db in ((lifted_hz, gain_db), (kept_hz, torch.zeros(2))):
        x = tone(frequency_hz)
        y = shelf(x, 44_100, gain_db=gain_db)
        level_db = 10 * torch.log10(y[..., 22_050:].square().mean((1, 2)) / 0.005)
        torch.testing.assert_close(level_db, expected_db.double(), atol=0.05, rtol=0)


def test_an_unknown_kind_is_told_the_way_out():
    with pytest.raises(
        ValueError, match=r"kind: 'mid' is no shelf, choose one of \['high', 'low'\]"
    ):
        Shelf("mid")
