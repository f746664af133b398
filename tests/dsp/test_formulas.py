"""Tests of the formulas of coefficients: on tensors and compiled, they are the same."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from ai_mixer.dsp.compiled_formulas import write_coefficients
from ai_mixer.dsp.formulas import Formula, evaluate

ARGUMENTS = {  # three values of each argument
    Formula.VALUE: [(0.0, 0.3, 1.0)],
    Formula.GAIN: [(0.1, 1.0, 4.0)],
    Formula.WIDTH: [(0.1, 1.0, 4.0)],
    Formula.SLOPE: [(1.0, 2.0, 10.0)],
    Formula.PEAK: [(-12.0, 0.0, 6.0), (40.0, 1000.0, 30_000.0), (0.3, 1.0, 8.0)],
    Formula.PRESENCE: [(0.0, 1.0, 2.0), (40.0, 1000.0, 30_000.0), (0.3, 1.0, 8.0)],
    Formula.LOW_SHELF: [(-12.0, 0.0, 6.0), (40.0, 1000.0, 30_000.0), (0.3, 0.7, 1.0)],
    Formula.LOW_CUT: [(10.0, 16.0, 300.0), (10.0, 10.0, 10.0)],
    Formula.DYNAMICS: [
        (-40.0, -18.0, 0.0),
        (1.0, 2.0, 6.0),
        (0.1, 10.0, 100.0),
        (10.0, 100.0, 1000.0),
        (0.5, 6.0, 18.0),
        (-6.0, 0.0, 12.0),
    ],
    Formula.BAND_DYNAMICS: [(-50.0, -30.0, 0.0), (1.0, 2.0, 6.0)] * 3,
    Formula.BAND_WIDTH: [(0.1, 1.0, 2.0), (2.0, 0.5, 1.5), (100.0, 300.0, 900.0)],
    Formula.SATURATION: [(0.0, 3.0, 9.0), (0.0, 0.4, 1.0)],
    Formula.LEVEL: [(-60.0, 0.0, 12.0)],
    Formula.PAN: [(-1.0, 0.2, 1.0)],
    Formula.FEEDBACK_DELAY: [
        (0.01, 350.0, 900.0),
        (0.0, 0.5, 0.9),
        (200.0, 4000.0, 30_000.0),
        (800.0, 800.0, 800.0),
    ],
    Formula.FEEDBACK_NETWORK: [
        (0.1, 1.5, 10.0),
        (0.0, 20.0, 300.0),
        (500.0, 4000.0, 30_000.0),
        (200.0, 200.0, 200.0),
    ],
    Formula.HIGH_SHELF: [(-12.0, 0.0, 6.0), (40.0, 1000.0, 30_000.0), (0.3, 0.7, 1.0)],
}
FORMULAS = [formula for formula in Formula if formula != Formula.NONE]
"""All formulas: a new one needs arguments above."""


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("sample_rate", [8_000.0, 44_100.0, 192_000.0])
def test_compiled_formulas_equal_those_on_tensors(formula, sample_rate):
    values = torch.tensor(ARGUMENTS[formula], dtype=torch.float64)
    expected = torch.stack(evaluate(formula, values, sample_rate), dim=1)
    row = np.full(expected.shape[1], np.nan)
    for song, arguments in enumerate(values.T.contiguous().numpy()):
        write_coefficients(int(formula), arguments, sample_rate, row)
        np.testing.assert_allclose(row, expected[song].numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("formula", FORMULAS)
def test_gradients_of_all_arguments(formula):
    values = [torch.tensor(v, dtype=torch.float64)[1:2] for v in ARGUMENTS[formula]]
    values = [(value + 0.01).requires_grad_() for value in values]
    assert gradcheck(lambda *arguments: evaluate(formula, arguments, 44_100.0), values)


def test_numbers_and_tensors_can_be_mixed():
    gains = torch.tensor([-6.0, 6.0])
    coefficients = torch.stack(evaluate(Formula.PEAK, (gains, 1000.0, 0.7), 44_100.0))
    for song, gain in enumerate(gains):
        alone = torch.stack(evaluate(Formula.PEAK, (gain[None], 1000.0, 0.7), 44_100.0))
        assert torch.equal(coefficients[:, song], alone[:, 0])
