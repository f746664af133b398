"""`torch.export` and `torch.compile` of effects and console: kernels are nodes of the graph."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.delay import Delay
from ai_mixer.effects.delay_bus import DelayBus
from ai_mixer.effects.limiter import Limiter
from ai_mixer.effects.multiband import Multiband
from ai_mixer.effects.reverb import Reverb
from ai_mixer.effects.reverb_bus import ReverbBus
from ai_mixer.effects.saturation import Saturation
from ai_mixer.effects.shelf import Shelf
from helpers.effects import music
from helpers.measures import residual_db
from helpers.parameters import first_fast

RATE = 8000
CONSOLE = load_console("classic", "wide")


def value_at(name, position):
    """A value of a knob of the multiband compressor."""
    return 1.0 + position if name.endswith("ratio") else -40.0 * position


MIXES = {
    "limiter": lambda x, _: Limiter()(x, RATE),
    "reverb": lambda x, knobs: Reverb()(x, RATE, wet=knobs[:, 0]),
    "delay": lambda x, knobs: Delay()(x, RATE, wet=knobs[:, 0]),
    "shelf": lambda x, knobs: Shelf()(x, RATE, gain_db=knobs[:, 0]),
    "compressor": lambda x, knobs: Compressor()(x, RATE, ratio=1 + knobs[:, 0]),
    "multiband": lambda x, knobs: Multiband()(
        x, RATE, **{n: value_at(n, knobs[:, 0]) for n in Multiband.knob_names}
    ),
    "saturation": lambda x, knobs: Saturation()(x, RATE, drive_db=knobs[:, 0], even=knobs[:, 1]),
    "delay bus": lambda x, knobs: DelayBus()(
        x, RATE, time_ms=99.5 + knobs[:, 0], feedback=0.9 * knobs[:, 1], tone_hz=1e3 + knobs[:, 2]
    ),
    "reverb bus": lambda x, knobs: ReverbBus()(
        x, RATE, decay_s=1.0 + knobs[:, 0], predelay_ms=knobs[:, 1], damping_hz=1e3 + knobs[:, 2]
    ),
    "console": lambda x, knobs: CONSOLE(x, RATE, knobs),
}
for_each_mix = pytest.mark.parametrize("mix", first_fast(MIXES.values(), 4), ids=MIXES.keys())


class Call(torch.nn.Module):
    """A function as a module, for `torch.export`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def inputs(batch=2, seed=0):
    """Audio above the limiter's ceiling and the compressor's threshold, and positions."""
    generator = torch.Generator().manual_seed(seed)
    knobs = torch.rand(batch, len(CONSOLE.knobs), dtype=torch.float64, generator=generator)
    return 3.0 * music(batch=batch, seconds=0.4, rate=RATE, seed=seed), knobs


@for_each_mix
def test_an_exported_program_gives_equal_samples_and_gradients(mix):
    program = torch.export.export(Call(mix), inputs()).module()
    x, knobs = inputs(seed=1)
    torch.testing.assert_close(program(x, knobs), mix(x, knobs), rtol=0, atol=1e-7)
    x.requires_grad_()
    got, want = (torch.autograd.grad(f(x, knobs).square().sum(), x)[0] for f in (program, mix))
    torch.testing.assert_close(got, want)


def test_export_does_not_choose_by_the_values_of_the_example():
    """A neutral example must not remove the effects whose idle values are skipped otherwise."""
    x, knobs = inputs()
    neutral = CONSOLE.neutral.double().expand_as(knobs)
    program = torch.export.export(Call(MIXES["console"]), (0.01 * x, neutral)).module()
    torch.testing.assert_close(program(x, knobs), CONSOLE(x, RATE, knobs), rtol=0, atol=1e-7)


@pytest.mark.slow
def test_a_compiled_console_is_one_graph_with_equal_samples_and_gradients():
    compiled = torch.compile(MIXES["console"], fullgraph=True, backend="aot_eager")
    x, knobs = inputs()
    knobs.requires_grad_()
    mixes = [f(x, knobs) for f in (compiled, MIXES["console"])]
    assert residual_db(*mixes) <= -120  # several effects are one operator without compilation
    torch.testing.assert_close(*(torch.autograd.grad(m.square().sum(), knobs) for m in mixes))
