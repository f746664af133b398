import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.toy import Toy


def test_depends_on_the_level_only(music, make_batch):
    batch = make_batch(music())
    prediction = Prediction(batch.knobs)
    assert Toy()(prediction, -batch.finished.flip(1), batch) < 1e-24  # sums in another order
    loud, louder = (Toy()(prediction, g * batch.finished, batch) for g in (2, 3))
    torch.testing.assert_close(louder, 4 * loud, rtol=1e-3, atol=0)
