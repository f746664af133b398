import numpy as np
import torch

from ai_mixer.effects.toy import Toy


def test_equals_numpy():
    x = np.random.default_rng(0).normal(size=(2, 2, 100))
    y = Toy()(torch.from_numpy(x), 44100, trim_db=torch.tensor([6.0, -3.0]).double())
    expected = x * (10 ** (np.array([6.0, -3.0]) / 20))[:, None, None]
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
