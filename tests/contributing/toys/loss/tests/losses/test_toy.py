import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.toy import Toy


def test_hears_level_and_nothing_else(music, make_batch):
    batch = make_batch(music())
    said = Prediction(batch.knobs)
    assert Toy()(said, -batch.finished.flip(1), batch) < 1e-24  # sums in another order
    loud, louder = (Toy()(said, g * batch.finished, batch) for g in (2, 3))
    torch.testing.assert_close(louder, 4 * loud, rtol=1e-3, atol=0)
