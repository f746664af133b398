import torch

from ai_mixer.models.heads import KnobHead, PerConditionHead, stretched_sigmoid


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


def test_each_condition_asks_its_own_head():
    torch.manual_seed(0)
    head = PerConditionHead(KnobHead, 4, 2)
    features, condition = torch.randn(5, 4), torch.tensor([2, 0, 1, 0, 2])
    answers = head(features, condition=condition)
    for n, number in enumerate(condition):
        torch.testing.assert_close(answers[n], head.heads[number](features[n]))
    answers[1].sum().backward()
    assert head.heads[0].linear.weight.grad.abs().sum() > 0
    assert head.heads[1].linear.weight.grad.abs().sum() == 0
