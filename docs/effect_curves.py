"""Draws docs/images/effects/<effect>.svg: what each effect does, measured on its output.

`make docs` runs it before it builds the site:

    python docs/effect_curves.py
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ai_mixer.effects.band_width import BandWidth, MonoBass
from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.delay import Delay
from ai_mixer.effects.delay_bus import DelayBus
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.gain import Gain
from ai_mixer.effects.limiter import Limiter
from ai_mixer.effects.low_cut import LowCut
from ai_mixer.effects.multiband import Multiband
from ai_mixer.effects.pan import Pan
from ai_mixer.effects.parametric import ParametricPeak, ParametricShelf
from ai_mixer.effects.peak import Peak, Presence
from ai_mixer.effects.reverb import Reverb
from ai_mixer.effects.reverb_bus import ReverbBus
from ai_mixer.effects.saturation import Saturation
from ai_mixer.effects.shelf import Shelf
from ai_mixer.effects.width import Width

OUT = Path(__file__).parent / "images" / "effects"
RATE = 44_100
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # Okabe & Ito 2008
HERTZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
FREQUENCIES = np.geomspace(20, 20_000, 200)
STYLE = {
    "svg.fonttype": "none",  # text remains text
    "svg.hashsalt": "effects",  # the same file each time
    "font.size": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Curves = dict[str, dict[str, float]]
"""Label of a curve → values of the knobs."""


def run(effect: Effect, x: Tensor, **knobs: float) -> Tensor:
    """Output for audio [C, T] or [B, C, T] in float64."""
    batch = x if x.dim() == 3 else x[None]
    values = {n: torch.full((len(batch),), v, dtype=torch.float64) for n, v in knobs.items()}
    y = effect(batch, RATE, **values)
    return y if x.dim() == 3 else y[0]


def impulse(seconds: float, side: bool = False) -> Tensor:
    """[2, T]: the same in both channels, or with opposite signs."""
    x = torch.zeros(2, round(seconds * RATE), dtype=torch.float64)
    x[0, 0], x[1, 0] = 1.0, -1.0 if side else 1.0
    return x


def tones(frequencies: Iterable[float], level_db: float, seconds: float = 1.0) -> Tensor:
    """[B, 1, T]."""
    time_s = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    rows = [torch.sin(2 * np.pi * f * time_s) for f in frequencies]
    return 10 ** (level_db / 20) * torch.stack(rows)[:, None]


def to_db(ratio: Tensor | np.ndarray) -> np.ndarray:
    """Amplitude ratios in dB, at least −200."""
    return 20 * np.log10(np.maximum(np.abs(np.asarray(ratio)), 1e-10))


def frequency_response(axes: Axes, effect: Effect, curves: Curves, side: bool = False) -> None:
    """Gain over frequency, of the side where the effect changes only this."""
    x = impulse(2.0, side)
    bins = np.fft.rfftfreq(x.shape[1], 1 / RATE)
    for label, knobs in curves.items():
        gain_db = to_db(np.fft.rfft(run(effect, x, **knobs)[0].numpy()))
        axes.semilogx(FREQUENCIES, np.interp(FREQUENCIES, bins, gain_db), label=label)
    axes.set(xlabel="frequency / Hz", ylabel="gain of the side / dB" if side else "gain / dB")


def static_curve(axes: Axes, effect: Effect, curves: Curves) -> None:
    """Output over input level, once the gain has settled."""
    levels = np.arange(-50.0, 1.0)
    constant = torch.tensor(10 ** (levels / 20))[:, None, None].expand(-1, 1, 3 * RATE)
    axes.plot(levels, levels, color="#999999", linewidth=0.8)
    for label, knobs in curves.items():
        axes.plot(levels, to_db(run(effect, constant, **knobs)[:, 0, -1]), label=label)
    axes.set(xlabel="input level / dBFS", ylabel="output level / dBFS")


def gain_of_tones(axes: Axes, effect: Effect, curves: Curves) -> None:
    """Gain over the frequency of a tone of −10 dBFS, once it has settled."""
    frequencies = np.geomspace(20, 20_000, 40)
    x = tones(frequencies, -10.0)
    settled = slice(x.shape[-1] // 2, None)
    for label, knobs in curves.items():
        y = run(effect, x, **knobs)
        gain = y[:, 0, settled].std(-1) / x[:, 0, settled].std(-1)
        axes.semilogx(frequencies, to_db(gain), label=label)
    axes.set(xlabel="frequency of a tone of −10 dBFS / Hz", ylabel="gain / dB")


def harmonics(axes: Axes, effect: Effect, curves: Curves) -> None:
    """Levels of the harmonics of a tone of 1 kHz at −6 dBFS."""
    for number, (label, knobs) in enumerate(curves.items()):
        y = run(effect, tones([1000.0], -6.0)[0], **knobs)[0].numpy()
        level_db = to_db(np.fft.rfft(y * np.hanning(len(y)))[1000:9000:1000] * 4 / len(y))
        axes.bar(np.arange(1, 9) + 0.25 * (number - 1), level_db + 120, 0.25, -120, label=label)
    axes.set(xlabel="harmonic of 1 kHz", ylabel="level / dBFS", ylim=(-110, 0))


def energy_decay(axes: Axes, effect: Effect, curves: Curves) -> None:
    """Schroeder's backward integration of the impulse response."""
    x = impulse(3.2)
    for label, knobs in curves.items():
        energy = run(effect, x, **knobs)[0, 1:].square().flip(0).cumsum(0).flip(0)
        level_db = to_db(energy / energy[0]) / 2
        axes.plot(np.arange(len(energy))[::441] / RATE, level_db[::441], label=label)
    axes.set(xlabel="time / s", ylabel="energy left / dB", ylim=(-70, 2))


def echoes(axes: Axes, effect: Effect, curves: Curves) -> None:
    """Impulse response: the largest sample of each hundredth of a second."""
    x = impulse(2.4)
    for label, knobs in curves.items():
        peaks = run(effect, x, **knobs)[0].abs()[44 * 5 : 44 * 2395].view(-1, 440).amax(1)
        at = np.flatnonzero(peaks > 1e-3)
        (dots,) = axes.plot(10 * at + 10, to_db(peaks[at]), "o", markersize=3, label=label)
        axes.vlines(10 * at + 10, -60, to_db(peaks[at]), dots.get_color(), linewidth=1.5)
    axes.set(xlabel="time / ms", ylabel="echo / dB", ylim=(-60, 3))


def channel_gains(axes: Axes, effect: Effect, knob: str, positions: np.ndarray) -> None:
    """Gains from the left input to both outputs, and from the right one, over a knob."""
    left, right = torch.eye(2, dtype=torch.float64)
    outputs = {"left → left": [], "right → right": [], "left → right": []}
    for position in positions:
        a, b = (run(effect, x[:, None], **{knob: float(position)})[:, 0] for x in (left, right))
        for gains, gain in zip(outputs.values(), (a[0], b[1], a[1]), strict=True):
            gains.append(float(gain))
    for name, gains in outputs.items():
        axes.plot(positions, gains, label=name, linestyle="--" if name[0] == "r" else "-")
    axes.set(xlabel=knob, ylabel="amplitude ratio")


def gain_over_knob(axes: Axes, effect: Effect, knob: str, positions: np.ndarray) -> None:
    """Gain over a knob."""
    one = torch.ones(1, 1, dtype=torch.float64)
    axes.plot(
        positions, to_db(torch.cat([run(effect, one, **{knob: float(p)}) for p in positions]))
    )
    axes.set(xlabel=knob, ylabel="gain / dB")


def limiter_gain(axes: Axes) -> None:
    """Gain around one sample above the ceiling."""
    x = torch.full((1, RATE // 2), 0.2, dtype=torch.float64)
    for level_db in (3, 6, 12):
        x[0, RATE // 10] = 10 ** (level_db / 20)
        gain_db = to_db(run(Limiter(release_ms=100.0), x)[0] / x[0])
        time_ms = 1000 * (np.arange(x.shape[1]) - RATE // 10) / RATE
        shown = (time_ms >= -10) & (time_ms <= 150)
        axes.plot(time_ms[shown][::11], gain_db[shown][::11], label=f"peak of {level_db} dBFS")
    axes.set(xlabel="time from the peak / ms", ylabel="gain / dB")


def over(name: str, values: Iterable[float], unit: str, **others: float) -> Curves:
    """A curve per value of a knob."""
    return {f"{value:g} {unit}".strip(): {name: float(value), **others} for value in values}


def bands(**knobs: float) -> dict[str, float]:
    """Knobs of the multiband compressor; thresholds are −30 dBFS."""
    off = {name: 1.0 if name.endswith("ratio") else -30.0 for name in Multiband.knob_names}
    return off | knobs


COMPRESSOR = {"threshold_db": -24.0, "attack_ms": 10.0, "release_ms": 100.0, "makeup_db": 0.0}
WIDTHS, SIDES = np.linspace(0.2, 2.0, 30), np.linspace(-1.0, 1.0, 41)
PICTURES: dict[type[Effect], Callable[[Axes], None]] = {
    Gain: lambda a: gain_over_knob(a, Gain(), "gain", np.geomspace(0.25, 4, 50)),
    Shelf: lambda a: frequency_response(
        a, Shelf("low", 120.0), over("gain_db", (-6, -3, 3, 6), "dB")
    ),
    Peak: lambda a: frequency_response(a, Peak(), over("gain_db", (-6, -3, 3, 6), "dB")),
    Presence: lambda a: frequency_response(a, Presence(), over("ratio", (0.5, 0.7, 1.4, 2), "")),
    LowCut: lambda a: frequency_response(
        a, LowCut(), over("frequency_hz", (10, 14, 20, 40, 120), "Hz")
    ),
    ParametricShelf: lambda a: frequency_response(
        a, ParametricShelf("high"), over("frequency_hz", (4000, 8000, 14_000), "Hz", gain_db=6.0)
    ),
    ParametricPeak: lambda a: frequency_response(
        a, ParametricPeak(), over("q", (0.4, 1, 3), "Q", frequency_hz=1000.0, gain_db=6.0)
    ),
    Compressor: lambda a: static_curve(a, Compressor(), over("ratio", (2, 4, 8), ": 1")),
    Dynamics: lambda a: static_curve(
        a,
        Dynamics(),
        over("ratio", (2, 4), ": 1, knee 1 dB", knee_db=1.0, **COMPRESSOR)
        | over("ratio", (2, 4), ": 1, knee 18 dB", knee_db=18.0, **COMPRESSOR),
    ),
    Multiband: lambda a: gain_of_tones(
        a,
        Multiband(),
        {
            "low band 2 : 1": bands(low_ratio=2.0),
            "mid band 2 : 1": bands(mid_ratio=2.0),
            "high band 2 : 1": bands(high_ratio=2.0),
            "all 2 : 1": bands(low_ratio=2.0, mid_ratio=2.0, high_ratio=2.0),
        },
    ),
    Saturation: lambda a: harmonics(
        a, Saturation(), over("even", (0, 0.5, 1), "even, drive 9 dB", drive_db=9.0)
    ),
    Delay: lambda a: echoes(a, Delay(), {"350 ms, feedback 0.35": {"wet": 1.0}}),
    Reverb: lambda a: energy_decay(a, Reverb(), {"decay 1.2 s": {"wet": 1.0}}),
    Width: lambda a: channel_gains(a, Width(), "width", WIDTHS),
    BandWidth: lambda a: frequency_response(
        a,
        BandWidth(),
        {
            "low_width 0.5": {"low_width": 0.5, "high_width": 1.0},
            "high_width 2": {"low_width": 1.0, "high_width": 2.0},
        },
        side=True,
    ),
    MonoBass: lambda a: frequency_response(
        a, MonoBass(), over("frequency_hz", (10, 14, 20, 100, 200), "Hz"), side=True
    ),
    Pan: lambda a: channel_gains(a, Pan(), "pan", SIDES),
    DelayBus: lambda a: echoes(
        a,
        DelayBus(),
        over("time_ms", [350], "ms, feedback 0.7, tone 16 kHz", feedback=0.7, tone_hz=16e3)
        | over("time_ms", [250], "ms, feedback 0.5, tone 2 kHz", feedback=0.5, tone_hz=2e3),
    ),
    ReverbBus: lambda a: energy_decay(
        a, ReverbBus(), over("decay_s", (0.3, 1, 3), "s", predelay_ms=20.0, damping_hz=16_000.0)
    ),
    Limiter: limiter_gain,
}


def draw(cls: type[Effect], picture: Callable[[Axes], None]) -> Path:
    """Draw one picture; returns its file."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 2.8), layout="constrained")
        axes = figure.subplots()
        axes.set_prop_cycle(color=COLOURS)
        picture(axes)
        if axes.get_xscale() == "log":
            axes.set_xticks(HERTZ, [f"{f}" if f < 1000 else f"{f // 1000}k" for f in HERTZ])
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=8)
        file = OUT / f"{cls.__name__}.svg"
        figure.savefig(file, metadata={"Date": None, "Creator": None})
    return file


def main() -> None:
    """Draw all pictures."""
    for cls, picture in PICTURES.items():
        draw(cls, picture)


if __name__ == "__main__":
    main()
