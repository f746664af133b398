"""The pretrained encoder as a toy of two layers, so that its laws take no time."""

from contextlib import contextmanager

import pytest

from ai_mixer.models import audioset_encoder


@pytest.fixture(scope="session")
def toy_encoder():
    """A context in which it is one."""

    @contextmanager
    def toy():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"WIDTH": 32, "DEPTH": 2, "HEADS": 4}.items():
                patch.setattr(audioset_encoder, name, value)
            yield

    return toy


@pytest.fixture
def tiny(toy_encoder):
    with toy_encoder():
        yield
