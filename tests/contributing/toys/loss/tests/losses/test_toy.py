import torch

from ai_mixer.losses.toy import Toy


def test_hears_level_and_nothing_else(music, make_batch):
    batch = make_batch(music())
    assert Toy()(batch.knobs, -batch.finished.flip(1), batch) < 1e-24  # sums in another order
    loud, louder = (Toy()(batch.knobs, g * batch.finished, batch) for g in (2, 3))
    torch.testing.assert_close(louder, 4 * loud, rtol=1e-3, atol=0)
