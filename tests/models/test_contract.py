"""What every model owes, checked on every page of configs/model, and on its other encoder."""

import importlib
import inspect
import pkgutil
from dataclasses import replace

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

import ai_mixer.models
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import CONDITIONS, GENRES, Batch
from ai_mixer.models.feature_model import FeatureModel, predict_batch

RATE, KNOBS = 44100, 10
PAGES = {page.stem: {} for page in sorted((config_folder() / "model").glob("*.yaml"))}
VARIANTS = {"ast_regressor": {"encoder": "audioset", "encoder_pretrained": False}}  # as a toy
CASES = [*PAGES.items(), *VARIANTS.items()]


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())])
)
def model(request, toy_encoder):
    name, more = request.param
    with toy_encoder():
        torch.manual_seed(0)
        page = OmegaConf.load(config_folder() / "model" / f"{name}.yaml")
        if "genre" in page:
            more = {**more, "genre": True}
        yield instantiate(page, n_knobs=KNOBS, sample_rate=RATE, **more).eval()


def models_by_import():
    """Every class in ai_mixer.models that is built as models are: told the number of knobs."""
    modules = [
        importlib.import_module(f"ai_mixer.models.{module.name}")
        for module in pkgutil.iter_modules(ai_mixer.models.__path__)
    ]
    classes = {c for m in modules for _, c in inspect.getmembers(m, inspect.isclass)}
    ours = {c for c in classes if issubclass(c, torch.nn.Module)}
    return {c for c in ours if {"n_knobs", "sample_rate"} <= set(inspect.signature(c).parameters)}


def test_every_model_has_a_page_and_every_page_a_model():
    """So that the laws below see all of them."""
    pages = [OmegaConf.load(config_folder() / "model" / f"{name}.yaml") for name in PAGES]
    named = {page._target_ for page in pages}
    assert named == {f"{c.__module__}.{c.__qualname__}" for c in models_by_import()}


def excerpts(songs=3, channels=2, seconds=1.0):
    noise = torch.randn(2, songs, channels, round(seconds * RATE), generator=seeded(1)) * 0.1
    return noise[0], noise[1], torch.arange(songs) % len(CONDITIONS)


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


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_knobs_are_positions(model):
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
def test_any_length(model, seconds):
    assert model(*excerpts(seconds=seconds)).isfinite().all()


@pytest.mark.parametrize("level", [0.0, 1e-30, 30.0])
def test_silence_and_hot_audio_give_finite_knobs(model, level):
    rough, reference, condition = excerpts()
    assert model(rough * level, reference * level, condition).isfinite().all()


def test_blind_does_not_hear_the_reference(model):
    rough, reference, _ = excerpts()
    blind = torch.full((3,), CONDITIONS.index("blind"))
    torch.testing.assert_close(model(rough, reference, blind), model(rough, 0 * reference, blind))


def test_mono_equals_two_equal_channels(model):
    rough, reference, condition = excerpts(channels=1)
    stereo = (rough.expand(-1, 2, -1), reference.expand(-1, 2, -1), condition)
    torch.testing.assert_close(model(rough, reference, condition), model(*stereo))


def test_every_weight_can_learn(model):
    """A few steps on one batch: every weight not frozen gets a gradient and the error falls."""
    rough, reference, condition = excerpts()
    target = torch.rand(3, KNOBS, generator=seeded(2))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(weights, lr=5e-4)
    errors = []
    for _ in range(25):
        said = predict_batch(model, batch(rough, reference, condition))
        error = (said.knobs - target).square().mean()
        beside = [x.square().mean() for x in (said.uncertainty, said.genre) if x is not None]
        optimiser.zero_grad()
        (error + 0.01 * sum(beside)).backward()
        assert all(weight.grad is not None for weight in weights)
        optimiser.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.98 * errors[0]


@torch.no_grad()
def test_what_was_heard_can_be_kept(model):
    """Asked by what it heard, a model says the same; and it names what it was built to name."""
    if not isinstance(model, FeatureModel):
        pytest.skip("does not listen")
    rough, reference, condition = excerpts()
    features = model.extract(rough, reference, condition)
    said = predict_batch(model, replace(batch(rough, reference, condition), features=features))
    torch.testing.assert_close(said.knobs, model(rough, reference, condition))
    assert said.uncertainty.shape == (3, KNOBS)
    assert (said.uncertainty > 0).all()
    assert said.genre is None or said.genre.shape == (3, len(GENRES))
