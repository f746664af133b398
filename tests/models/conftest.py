"""The pretrained encoder reduced to two layers of width 32."""

from contextlib import contextmanager

import pytest

from ai_mixer.models import audioset_encoder


@pytest.fixture(scope="session")
def use_small_encoder():
    """A context manager in which AudioSetEncoder is built small."""

    @contextmanager
    def small():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"WIDTH": 32, "DEPTH": 2, "HEADS": 4}.items():
                patch.setattr(audioset_encoder, name, value)
            yield

    return small


@pytest.fixture
def small_encoder(use_small_encoder):
    with use_small_encoder():
        yield
