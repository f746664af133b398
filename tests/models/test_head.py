import torch

from ai_mixer.models.head import stretched_sigmoid


def test_reaches_both_edges_exactly():
    assert stretched_sigmoid(torch.tensor([-4.0, 4.0])).tolist() == [0.0, 1.0]


def test_centre_is_a_half():
    assert stretched_sigmoid(torch.tensor(0.0)) == 0.5


def test_a_position_past_the_edge_can_come_back():
    logit = torch.tensor(4.0, requires_grad=True)
    stretched_sigmoid(logit).backward()
    assert logit.grad > 0.0


def test_monotone():
    positions = stretched_sigmoid(torch.linspace(-6, 6, 200))
    assert (positions.diff() >= 0).all()


def test_nearly_straight_over_the_travel():
    """A knob moves by decibels; what bends them has to be learned back."""
    logits = torch.linspace(-8, 8, 4001)
    positions = stretched_sigmoid(logits)
    slope = positions.diff()[(positions[1:] > 0.02) & (positions[1:] < 0.98)]
    assert slope.min() > 0.7 * slope.max()
