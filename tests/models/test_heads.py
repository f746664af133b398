import torch

from ai_mixer.models.heads import KnobHead, PerConditionHead, stretched_sigmoid


def test_stretched_sigmoid_is_exact_at_both_ends_and_in_the_middle():
    assert stretched_sigmoid(torch.tensor([-4.0, 0.0, 4.0])).tolist() == [0.0, 0.5, 1.0]


def test_gradient_is_not_zero_outside_the_range():
    logit = torch.tensor(4.0, requires_grad=True)
    stretched_sigmoid(logit).backward()
    assert logit.grad > 0.0


def test_stretched_sigmoid_is_monotonic_and_nearly_linear_over_the_range():
    positions = stretched_sigmoid(torch.linspace(-8, 8, 4001))
    assert (positions.diff() >= 0).all()
    slope = positions.diff()[(positions[1:] > 0.02) & (positions[1:] < 0.98)]
    assert slope.min() > 0.7 * slope.max()


def test_each_condition_has_its_own_head():
    torch.manual_seed(0)
    head = PerConditionHead(KnobHead, 4, 2)
    features, condition = torch.randn(5, 4), torch.tensor([2, 0, 1, 0, 2])
    knobs = head(features, condition=condition)
    for item, index in enumerate(condition):
        torch.testing.assert_close(knobs[item], head.heads[index](features[item]))
    knobs[1].sum().backward()
    assert head.heads[0].linear.weight.grad.abs().sum() > 0
    assert head.heads[1].linear.weight.grad.abs().sum() == 0
