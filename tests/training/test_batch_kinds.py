"""Every model with batches of every data module: it receives what it needs, or is refused."""

import importlib
import pkgutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

import ai_mixer.data
from ai_mixer.augment.augment import Compose
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import Batch, Features
from ai_mixer.data.cached_datamodule import CachedDataModule
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.feature_model import FeatureModel, predict_batch
from ai_mixer.models.weighted_ensemble import WeightedEnsemble
from ai_mixer.training.preflight import check_batches
from helpers.signals import noise

RATE, KNOBS = 44_100, 10


class Sums(torch.nn.Module):
    """A plain module that trains without an error on audio without samples."""

    def __init__(self, n_knobs, sample_rate):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(n_knobs))

    def forward(self, rough, reference, condition):
        level = rough.abs().sum((1, 2)) + reference.abs().sum((1, 2))
        return (level[:, None] * self.weight).sigmoid()


def build_model(name, **options):
    torch.manual_seed(0)
    if name == "plain":
        return Sums(KNOBS, RATE)
    cfg = OmegaConf.load(config_folder() / "model" / f"{name}.yaml")
    return instantiate(cfg, n_knobs=KNOBS, sample_rate=RATE, **options).eval()


def data_modules():
    """MixDataModule and its subclasses in ai_mixer.data, of one file, found by import."""
    for module in pkgutil.iter_modules(ai_mixer.data.__path__):
        importlib.import_module(f"ai_mixer.data.{module.name}")

    def with_subclasses(base):
        return {base, *(found for sub in base.__subclasses__() for found in with_subclasses(sub))}

    ours = [
        kind
        for kind in with_subclasses(MixDataModule)
        if kind.__module__.startswith("ai_mixer.data.") and kind.batch_class is Batch
    ]
    return sorted(ours, key=lambda kind: kind.__name__)


NAMES = sorted(file.stem for file in (config_folder() / "model").glob("*.yaml"))
MODELS = ["plain", *(name for name in NAMES if not name.startswith("multitrack_"))]  # of one file


def build_data(kind, folder, augment=None):
    """A data module without songs."""
    cache = {"feature_extractor": FeatureExtractor(RATE), "folder": folder, "cache_key": "key"}
    options = cache if issubclass(kind, CachedDataModule) else {}
    return kind(None, None, augment, excerpt_s=1.0, **options)


def components(model, data, needs_mix=False):
    system = SimpleNamespace(model=model, objective=SimpleNamespace(needs_mix=needs_mix))
    return SimpleNamespace(data=data, system=system)


def audio_batch():
    rough, reference = noise(2, 3, 2, seconds=0.5, seed=1)
    knobs = torch.full((3, KNOBS), 0.4)
    return Batch(
        rough=rough,
        finished=reference,
        reference=reference,
        condition=torch.arange(3),
        knobs=knobs,
        mask=torch.ones_like(knobs, dtype=torch.bool),
        genre=torch.zeros(3, dtype=torch.long),
        sample_rate=RATE,
        song_id=["noise"] * 3,
    )


def features_batch():
    """The batch as a cache gives it: features, and audio without samples."""
    batch, empty = audio_batch(), torch.zeros(3, 2, 0)
    features = FeatureExtractor(RATE)(batch.rough, batch.reference, batch.condition)
    return replace(
        batch, rough=empty, finished=empty, reference=empty, features=Features(*features)
    )


@pytest.mark.parametrize("kind", data_modules(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_receives_what_it_needs_or_is_refused(name, kind, tmp_path):
    """What the check accepts predicts as from audio; what it refuses cannot predict either."""
    model, data = build_model(name), build_data(kind, tmp_path)
    given = audio_batch() if data.feature_config is None else features_batch()
    if data.feature_config is not None and not isinstance(model, FeatureModel):
        parts = components(model, data)
        for call in (lambda: check_batches(parts), lambda: predict_batch(model, given)):
            with pytest.raises(ValueError, match=r"^[^\n]*loader=default[^\n]*$"):
                call()
        return
    check_batches(components(model, data))
    audio = audio_batch()
    with torch.no_grad():
        expected = model(audio.rough, audio.reference, audio.condition)
        torch.testing.assert_close(predict_batch(model, given).knobs, expected)


@pytest.mark.parametrize("name", ["baseline_cnn", "weighted_ensemble"])
def test_features_of_another_configuration_are_refused(name, tmp_path):
    data = build_data(CachedDataModule, tmp_path)
    data.feature_extractor = FeatureExtractor(RATE, n_mels=48)
    with pytest.raises(ValueError, match="give both the same"):
        check_batches(components(build_model(name), data))


def test_losses_and_augmentations_that_need_audio_are_refused_without_it(tmp_path):
    model = build_model("baseline_cnn")
    changed = Compose([PolarityFlip()], [])
    for kind in data_modules():
        check_batches(components(model, build_data(kind, tmp_path, Compose([], []))))
        if build_data(kind, tmp_path).feature_config is None:
            check_batches(components(model, build_data(kind, tmp_path, changed), needs_mix=True))
            continue
        with pytest.raises(ValueError, match="loss=knobs_only"):
            check_batches(components(model, build_data(kind, tmp_path), needs_mix=True))
        with pytest.raises(ValueError, match="augment=none"):
            check_batches(components(model, build_data(kind, tmp_path, changed)))


def test_an_ensemble_has_members_that_predict_from_features():
    with pytest.raises(ValueError, match="Sums predicts from audio"):
        WeightedEnsemble(KNOBS, RATE, [Sums])
