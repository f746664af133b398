"""Augmentation of stems in a config: cache keys, and what is refused, in one line."""

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.training.builders import build_components, build_datamodule
from ai_mixer.training.preflight import check_batches

SEVERAL = "use loader=cached_tracks"


@pytest.fixture(scope="module")
def data_of(compose):
    """A function: augmentation, values → data module of `task=remix`, no song of which is read."""
    console, composed = load_console("studio"), compose("task=remix")

    def build(augment="none", **values):
        cfg = composed.copy()
        cfg.augment = OmegaConf.load(config_folder() / "augment" / f"{augment}.yaml")
        for key, value in values.items():
            OmegaConf.update(cfg, key.replace("__", "."), value)
        return build_datamodule(cfg, console)

    return build


@pytest.mark.parametrize(
    "loader", [pytest.param("tracks", marks=pytest.mark.slow), "cached_tracks"]
)
def test_stems_are_augmented_with_and_without_a_cache(compose, loader):
    overrides = ("model=multitrack_mean", "augment=tracks", f"loader={loader}")
    parts = build_components(compose("task=remix", *overrides))
    check_batches(parts)
    assert len(parts.data.augment.steps) == 5


def test_the_key_of_training_examples_depends_on_the_augmentation(data_of):
    none, tracks = data_of(), data_of("tracks")
    gentler = data_of("tracks", augment__steps__0__probability=0.01)
    assert none.cache.folder == tracks.cache.folder == gentler.cache.folder
    assert none.augment_key == ""
    assert len({data.augment_key for data in (none, tracks, gentler)}) == 3


def test_the_key_of_all_examples_depends_on_their_tracks(data_of):
    usual = data_of(loader__max_tracks=16, loader__drop_probability=0.1)
    others = data_of(loader__max_tracks=8), data_of(loader__drop_probability=0.0)
    assert data_of().cache.folder == usual.cache.folder
    assert len({data.cache.folder for data in (usual, *others)}) == 3


@pytest.mark.parametrize("name", ["gentle", "strong"])
def test_augmentations_of_whole_songs_are_refused_for_stems(data_of, name):
    with pytest.raises(ValueError, match=r"^task=remix changes stems.*use augment=tracks or none$"):
        data_of(name)


@pytest.mark.slow
def test_augmentations_of_stems_are_refused_for_one_file(compose):
    with pytest.raises(InstantiationException, match="use augment=gentle, strong or none"):
        build_components(compose("model=mean_knobs", "augment=tracks"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("task=remix", "model=multitrack_mean", "loader=kept"), SEVERAL),
        pytest.param(("task=remix", "loader=default"), SEVERAL, marks=pytest.mark.slow),
        pytest.param(
            ("model=mean_knobs", "loader=tracks"),
            "use loader=default, or task=remix",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_loader_of_the_other_kind_is_refused(compose, overrides, message):
    with pytest.raises(ValueError, match=message):
        check_batches(build_components(compose(*overrides)))
