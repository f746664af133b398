"""Augmentation of stems in a composed config: cache keys, and what is refused, in one line."""

import pytest
from hydra.errors import InstantiationException

from ai_mixer.console import load_console
from ai_mixer.training.builders import build_components, build_datamodule
from ai_mixer.training.preflight import check_batches

REMIX = ("task=remix", "model=multitrack_mean")


@pytest.fixture
def build(compose, tmp_path):
    """A function: overrides → training components, no song of which is read."""
    return lambda *overrides: build_components(compose(*overrides, f"paths.data={tmp_path}"))


@pytest.fixture(scope="module")
def console():
    return load_console("studio")


@pytest.fixture
def data_of(compose, console, tmp_path):
    """A function: overrides → data module of `task=remix`."""
    return lambda *overrides: build_datamodule(
        compose("task=remix", *overrides, f"paths.data={tmp_path}"), console
    )


@pytest.mark.parametrize("loader", ["tracks", "cached_tracks"])
def test_stems_are_augmented_with_and_without_a_cache(build, loader):
    parts = build(*REMIX, "augment=tracks", f"loader={loader}")
    check_batches(parts)
    assert len(parts.data.augment.steps) == 5


def test_the_key_of_training_examples_depends_on_the_augmentation(data_of):
    none = data_of()
    tracks = data_of("augment=tracks")
    gentler = data_of("augment=tracks", "augment.steps.0.probability=0.01")
    assert none.cache.folder == tracks.cache.folder == gentler.cache.folder
    assert none.augment_key == ""
    assert len({data.augment_key for data in (none, tracks, gentler)}) == 3


def test_the_key_of_all_examples_depends_on_their_tracks(data_of):
    changes = ("max_tracks=16", "max_tracks=8", "drop_probability=0.0")
    folders = {data_of(f"loader.{change}").cache.folder for change in changes}
    assert len(folders) == 3
    assert data_of().cache.folder in folders


@pytest.mark.parametrize("name", ["gentle", "strong"])
def test_augmentations_of_whole_songs_are_refused_for_stems(data_of, name):
    with pytest.raises(ValueError, match=r"^task=remix changes stems.*use augment=tracks or none$"):
        data_of(f"augment={name}")


def test_augmentations_of_stems_are_refused_for_one_file(build):
    with pytest.raises(InstantiationException, match="use augment=gentle, strong or none"):
        build("model=mean_knobs", "augment=tracks")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((*REMIX, "loader=kept"), "use loader=cached_tracks"),
        ((*REMIX, "loader=default"), "use loader=cached_tracks"),
        (("model=mean_knobs", "loader=tracks"), "use loader=default, or task=remix"),
    ],
)
def test_a_loader_of_the_other_kind_is_refused(build, overrides, message):
    with pytest.raises(ValueError, match=message):
        check_batches(build(*overrides))
