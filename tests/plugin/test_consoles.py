"""Every console of the configs has an engine ahead of time that equals its stream."""

import pytest

from ai_mixer.console import load_console
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import ConsoleChoice, build_engine
from ai_mixer.plugin.description import describe_engine
from helpers.consoles import SINGLE_CONSOLES
from helpers.effects import track_effects
from helpers.engine import Engine, expected, load, music, random_job, run_job
from helpers.measures import residual_db

pytestmark = pytest.mark.slow
CONSOLES = sorted({*SINGLE_CONSOLES} - {"classic"})


@pytest.mark.parametrize("name", [*CONSOLES, None])  # classic: test_native.py
def test_engine_equals_the_stream(name, cache, tmp_path):
    """None: all effects of tracks and buses in one chain."""
    target = toolchain.native_target()
    if target is None:
        pytest.skip("the engine for this machine needs gcc on Linux")
    console = load_console(name, ranges="wide") if name else track_effects()
    choice = ConsoleChoice(name or "tracks", "wide", describe_engine(console))
    (folder,) = build_engine(choice, [target], tmp_path, cache)
    library = load(folder)
    for rate, channels, block_size in ((44_100, 2, 128), (48_000, 1, 100), (8000, 2, 64)):
        job = random_job(console, rate, 0.2, rate, channels, block_size)
        audio = music(job)
        with Engine(library, rate, block_size, channels) as engine:
            stream = console.stream(rate, block_size, channels=channels)
            assert engine.latency == stream.latency_samples
        assert residual_db(run_job(library, job, audio), expected(console, job, audio)) <= -110
