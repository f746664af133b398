"""Tests of the weighted loss: scales, partial rendering, weight 0, options of configs/loss."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from ai_mixer.core.types import Prediction
from ai_mixer.losses import LossTerm, WeightedLoss
from ai_mixer.losses.knobs import KnobLoss
from ai_mixer.losses.waveform import WaveformLoss

CONFIGS = Path(__file__).parents[2] / "configs"
OPTIONS = sorted(path.stem for path in (CONFIGS / "loss").glob("*.yaml"))
TERMS = sorted(path.stem for path in (CONFIGS / "loss" / "term").glob("*.yaml"))


def load(*overrides):
    with initialize_config_dir(str(CONFIGS), version_base=None):
        return instantiate(compose(overrides=list(overrides)).loss)


def two_terms(knobs=1.0, waveform=1.0, scale=None):
    return WeightedLoss(
        {
            "knobs": {"weight": knobs, "scale": 0.1, "term": KnobLoss()},
            "waveform": {"weight": waveform, "scale": 2.0, "term": WaveformLoss()},
        },
        scale,
    )


def test_the_total_is_the_weighted_sum_of_scaled_terms(music, make_batch):
    batch = make_batch(music())
    knobs, mix = torch.rand(3, 4, dtype=torch.float64), music(seed=1)
    total, values = two_terms(0.4, 0.3)(Prediction(knobs), mix, batch)
    knob_loss = KnobLoss()(Prediction(knobs), None, batch)
    assert values["knobs"].item() == pytest.approx(knob_loss.item())
    expected = 0.4 * values["knobs"] / 0.1 + 0.3 * values["waveform"] / 2.0
    assert torch.allclose(total, expected)


def test_measured_scales_replace_those_of_terms_and_unknown_names_are_ignored():
    loss = two_terms(scale={"waveform": 5.0, "balance": 3.0})
    assert loss.scale == {"knobs": 0.1, "waveform": 5.0}


def test_knob_terms_use_the_whole_batch_and_audio_terms_the_rendered_items(music, make_batch):
    batch = make_batch(music())
    knobs = torch.rand(3, 4, dtype=torch.float64)
    mix = music(seed=1)[:2]
    _, values = two_terms()(Prediction(knobs), mix, batch)
    assert torch.allclose(values["knobs"], KnobLoss()(Prediction(knobs), None, batch))
    assert torch.allclose(
        values["waveform"], WaveformLoss()(Prediction(knobs[:2]), mix, batch.first(2))
    )


def test_without_a_mix_audio_terms_are_left_out(music, make_batch):
    batch = make_batch(music())
    total, values = two_terms()(Prediction(batch.knobs + 0.1), None, batch)
    assert list(values) == ["knobs"]
    assert total.item() == pytest.approx(0.1)


def test_terms_with_weight_zero_are_computed_and_not_trained(music, make_batch):
    batch = make_batch(music())
    knobs = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    mix = music(seed=1).requires_grad_()
    total, values = two_terms(waveform=0.0)(Prediction(knobs), mix, batch)
    total.backward()
    assert mix.grad is None
    assert values["waveform"] > 0
    assert torch.allclose(total, 10 * values["knobs"])
    knobs.grad = None
    total, _ = two_terms(0.0, 0.0)(Prediction(knobs), mix, batch)
    total.backward()
    assert total.item() == 0.0
    assert knobs.grad.abs().max() == 0


def test_term_values_are_detached(music, make_batch):
    knobs = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    _, values = two_terms()(Prediction(knobs), music().requires_grad_(), make_batch(music()))
    assert not any(value.requires_grad for value in values.values())


def test_errors_name_the_term():
    with pytest.raises(ValueError, match="term knobs: weight -1"):
        two_terms(knobs=-1.0)
    with pytest.raises(ValueError, match="term waveform: scale 0"):
        two_terms(scale={"waveform": 0.0})
    with pytest.raises(ValueError, match="no terms"):
        WeightedLoss({})


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_builds_and_runs(option, music, make_batch):
    loss = load(f"+loss={option}")
    batch = make_batch(music().float())
    knobs = torch.rand(3, 4, requires_grad=True)
    mix = music(seed=1).float().requires_grad_()
    total, values = loss(Prediction(knobs), mix, batch)
    total.backward()
    assert knobs.grad.isfinite().all()
    assert set(values) == set(loss.terms)
    assert (mix.grad is not None) == loss.needs_mix


def test_the_default_weights():
    weights = {"knobs": 0.4, "perceptual": 0.3, "balance": 0.2, "dynamics": 0.1}
    assert load("+loss=balanced").weight == weights


@pytest.mark.parametrize("term", TERMS)
def test_every_term_can_be_selected_alone(term):
    loss = load("+loss=balanced", f"loss/term=[{term}]")
    assert list(loss.terms) == [term]
    assert isinstance(loss.terms[term], LossTerm)


def test_terms_and_weights_can_be_overridden():
    overrides = ["+loss=balanced", "loss/term=[knobs,waveform]", "loss.terms.waveform.weight=0"]
    assert load(*overrides).weight == {"knobs": 0.4, "waveform": 0.0}
