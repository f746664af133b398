"""Laws that every model of configs/model satisfies, and ast_regressor with its other encoder."""

import inspect
from dataclasses import replace

import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

import ai_mixer.models
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import CONDITIONS, GENRES, Batch
from ai_mixer.models.feature_model import FeatureModel, predict_batch
from ai_mixer.models.track_model import TrackModel
from helpers.discovery import subclasses_in
from helpers.signals import noise

RATE, KNOBS = 44100, 10
ALL = {file.stem: OmegaConf.load(file) for file in (config_folder() / "model").glob("*.yaml")}
# Models of several tracks have other inputs: tests/models/test_multitrack.py.
CONFIGS = {
    name: {} for name in sorted(ALL) if not issubclass(get_class(ALL[name]._target_), TrackModel)
}
VARIANTS = {"ast_regressor": {"encoder": "audioset", "encoder_pretrained": False}}
CASES = [*CONFIGS.items(), *VARIANTS.items()]


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())])
)
def model(request, use_small_encoder):
    name, options = request.param
    with use_small_encoder():
        torch.manual_seed(0)
        cfg = OmegaConf.load(config_folder() / "model" / f"{name}.yaml")
        if "genre" in cfg:
            options = {**options, "genre": True}
        yield instantiate(cfg, n_knobs=KNOBS, sample_rate=RATE, **options).eval()


def models_by_import():
    """Every module class in ai_mixer.models with the parameters `n_knobs` and `sample_rate`."""
    ours = subclasses_in(ai_mixer.models, torch.nn.Module)
    return {c for c in ours if {"n_knobs", "sample_rate"} <= set(inspect.signature(c).parameters)}


def test_every_model_has_a_config_and_every_config_a_model():
    """The tests below cover the models that have a config."""
    targets = {ALL[name]._target_ for name in CONFIGS}
    assert targets == {f"{c.__module__}.{c.__qualname__}" for c in models_by_import()}


def excerpts(songs=3, channels=2, seconds=1.0):
    rough, reference = noise(2, songs, channels, seconds=seconds, seed=1)
    return rough, reference, torch.arange(songs) % len(CONDITIONS)


def batch(rough, reference, condition):
    knobs = torch.full((len(rough), KNOBS), 0.5)
    return Batch(
        rough=rough,
        finished=rough,
        reference=reference,
        condition=condition,
        knobs=knobs,
        mask=torch.ones_like(knobs, dtype=torch.bool),
        genre=torch.zeros(len(rough), dtype=torch.long),
        sample_rate=RATE,
        song_id=["noise"] * len(rough),
    )


def test_knobs_are_within_0_and_1(model):
    knobs = model(*excerpts())
    assert knobs.shape == (3, KNOBS)
    assert ((knobs >= 0) & (knobs <= 1)).all()


def test_batch_item_equals_item_alone(model):
    rough, reference, condition = excerpts()
    together = model(rough, reference, condition)
    for item in range(3):
        one = slice(item, item + 1)
        alone = model(rough[one], reference[one], condition[one])
        torch.testing.assert_close(alone[0], together[item], atol=1e-5, rtol=0)


@pytest.mark.parametrize("seconds", [0.1, 0.73, 3.0])
def test_any_excerpt_length_gives_finite_knobs(model, seconds):
    assert model(*excerpts(seconds=seconds)).isfinite().all()


@pytest.mark.parametrize("level", [0.0, 1e-30, 30.0])
def test_silence_and_overloaded_audio_give_finite_knobs(model, level):
    rough, reference, condition = excerpts()
    assert model(rough * level, reference * level, condition).isfinite().all()


def test_reference_is_ignored_when_blind(model):
    rough, reference, _ = excerpts()
    blind = torch.full((3,), CONDITIONS.index("blind"))
    torch.testing.assert_close(model(rough, reference, blind), model(rough, 0 * reference, blind))


def test_mono_equals_two_equal_channels(model):
    rough, reference, condition = excerpts(channels=1)
    stereo = (rough.expand(-1, 2, -1), reference.expand(-1, 2, -1), condition)
    torch.testing.assert_close(model(rough, reference, condition), model(*stereo))


def test_every_weight_can_learn(model):
    """A few steps on one batch: every trainable weight gets a gradient and the error decreases."""
    examples = batch(*excerpts())
    if isinstance(model, FeatureModel):  # extraction takes longer than the steps
        examples = replace(examples, features=model.extract(*excerpts()))
    target = torch.rand(3, KNOBS, generator=torch.Generator().manual_seed(2))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=5e-4)
    errors = []
    for _ in range(25):
        prediction = predict_batch(model, examples)
        error = (prediction.knobs - target).square().mean()
        others = [x for x in (prediction.uncertainty, prediction.genre) if x is not None]
        optimiser.zero_grad()
        (error + 0.01 * sum(x.square().mean() for x in others)).backward()
        assert all(weight.grad is not None for weight in weights)
        optimiser.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.98 * errors[0]


@torch.no_grad()
def test_prediction_from_features_equals_prediction_from_audio(model):
    if not isinstance(model, FeatureModel):
        pytest.skip("has no features")
    rough, reference, condition = excerpts()
    examples = batch(rough, reference, condition)
    examples = replace(examples, features=model.extract(rough, reference, condition))
    prediction = predict_batch(model, examples)
    torch.testing.assert_close(prediction.knobs, model(rough, reference, condition))
    assert prediction.uncertainty.shape == (3, KNOBS)
    assert (prediction.uncertainty > 0).all()
    assert prediction.genre is None or prediction.genre.shape == (3, len(GENRES))
