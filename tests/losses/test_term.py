"""Contract tests of all loss terms, which are found by import."""

from dataclasses import replace

import pytest
import torch

from ai_mixer.core.types import GENRES, Prediction
from ai_mixer.losses.term import check_mix
from ai_mixer.losses.uncertainty import MIN_ERROR, UncertaintyLoss


def test_zero_at_equality(term_class, music, make_batch):
    batch = make_batch(music())
    certain = torch.full_like(batch.knobs, MIN_ERROR)
    genre = 1e3 * torch.nn.functional.one_hot(batch.genre, len(GENRES))
    prediction = Prediction(batch.knobs.clone(), certain, genre.double())
    assert term_class()(prediction, batch.finished.clone(), batch).item() == 0.0


def test_positive_otherwise_and_mean_over_the_batch(term_class, music, make_batch, predict):
    batch = make_batch(music())
    mix = 0.7 * music(seed=1) ** 3 * 400
    knobs = torch.rand(3, 4, dtype=torch.float64)
    value = term_class()(predict(knobs), mix, batch)
    assert value.shape == ()
    assert value > 0
    singles = [
        term_class()(
            predict(knobs[n : n + 1]), mix[n : n + 1], make_batch(batch.finished[n : n + 1])
        )
        for n in range(3)
    ]
    assert torch.allclose(value, torch.stack(singles).mean())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.1, 3.0])
@pytest.mark.parametrize("silent", ["mix", "finished", "both"])
def test_silence_is_finite(term_class, music, make_batch, predict, silent, seconds, channels):
    sound = music(seconds)[:, :channels].float()
    finished = sound if silent == "mix" else torch.zeros_like(sound)
    mix = (sound if silent == "finished" else torch.zeros_like(sound)).requires_grad_()
    batch = make_batch(finished)
    knobs = torch.zeros(3, 4, requires_grad=True)
    value = term_class()(predict(knobs), mix, batch)
    value.backward()
    assert value.isfinite()
    gradient = mix.grad if term_class.needs_mix else knobs.grad
    assert gradient.isfinite().all()


def test_mono_equals_its_twin_on_two_channels(term_class, music, make_batch, predict):
    finished, mix = music()[:, :1], 0.5 * music(seed=2)[:, :1]
    prediction = predict(torch.rand(3, 4, dtype=torch.float64))
    one = term_class()(prediction, mix, make_batch(finished))
    two = term_class()(prediction, mix.repeat(1, 2, 1), make_batch(finished.repeat(1, 2, 1)))
    torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-8)


def test_gradient_is_finite_and_reaches_the_input(term_class, music, make_batch, predict):
    batch = make_batch(music().float())
    mix = (0.5 * music(seed=2).float()).requires_grad_()
    knobs = torch.rand(3, 4, requires_grad=True)
    term_class()(predict(knobs), mix, batch).backward()
    gradient = mix.grad if term_class.needs_mix else knobs.grad
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_autocast_changes_neither_value_nor_gradient(term_class, music, make_batch, predict):
    batch, knobs = make_batch(music().float()), torch.rand(3, 4, requires_grad=True)
    mix = (0.5 * music(seed=2).float()).requires_grad_()
    leaf = mix if term_class.needs_mix else knobs
    readings = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            value = term_class()(predict(knobs), mix, batch)
        readings.append((value.detach(), *torch.autograd.grad(value, leaf)))
    for plain, half in zip(*readings, strict=True):
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, plain, rtol=1e-4, atol=1e-7)


def test_gradcheck(term_class, music, make_batch, predict):
    batch = make_batch(music(songs=1)[..., :1000])
    mix = (1.3 * music(songs=1, seed=3)[..., :1000]).requires_grad_()
    knobs = torch.rand(1, 4, dtype=torch.float64, requires_grad=True)

    def loss(knobs, mix):
        prediction = predict(knobs)
        if term_class is UncertaintyLoss:  # its gradient to the knobs is stopped
            prediction = prediction._replace(knobs=batch.knobs + 0.2)
        return term_class()(prediction, mix, batch)

    assert torch.autograd.gradcheck(loss, (knobs, mix), fast_mode=True, atol=1e-4, rtol=1e-2)


def test_a_missing_or_misshapen_mix_is_an_error(term_class, music, make_batch, predict):
    batch = make_batch(music())
    if not term_class.needs_mix:
        pytest.skip("needs no mix")
    with pytest.raises(ValueError, match="mix, got None"):
        term_class()(predict(batch.knobs), None, batch)
    with pytest.raises(ValueError, match="differ in shape"):
        check_mix(batch.finished[..., :-1], batch)


def test_a_term_without_a_mix_does_not_read_audio(term_class, music, make_batch, predict):
    """Batches of cached features have no samples: such a term would be trained on nothing."""
    batch, knobs = make_batch(music()), torch.rand(3, 4, dtype=torch.float64)
    empty = batch.finished[..., :0]
    silent = replace(batch, rough=empty, finished=empty, reference=empty)
    if term_class.needs_mix:
        with pytest.raises(ValueError, match="needs the mix"):
            term_class()(predict(knobs), None, silent)
    else:
        value = term_class()(predict(knobs), None, batch)
        assert value.equal(term_class()(predict(knobs), None, silent))
