"""The engine ahead of time from Python: its C interface by ctypes."""

import ctypes
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

FLOATS = ctypes.POINTER(ctypes.c_float)


class Knob(ctypes.Structure):
    """`ai_mixer_knob`."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("unit", ctypes.c_char_p),
        ("min", ctypes.c_double),
        ("max", ctypes.c_double),
        ("neutral", ctypes.c_double),
        ("scale", ctypes.c_int),
    ]


def load(folder):
    """The shared library in the folder of a target, with the types of its functions."""
    library = ctypes.CDLL(str(Path(folder) / "libai_mixer_engine.so"))
    engine, i32, f64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_double
    for name, result, *arguments in (
        ("api_version", i32),
        ("console", ctypes.c_char_p),
        ("status_text", ctypes.c_char_p, ctypes.c_int),
        ("knob_count", i32),
        ("knob_info", ctypes.POINTER(Knob), i32),
        ("knob_position", f64, i32, f64),
        ("knob_value", f64, i32, f64),
        ("check", ctypes.c_int, f64, i32, i32),
        ("create", engine, f64, i32, i32),
        ("set_knob", ctypes.c_int, engine, i32, f64),
        ("process", None, engine, ctypes.POINTER(FLOATS), ctypes.POINTER(FLOATS), i32),
        ("latency", i32, engine),
        ("reset", None, engine),
        ("destroy", None, engine),
    ):
        function = getattr(library, f"ai_mixer_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class Engine:
    """One engine. Use it as a context manager."""

    def __init__(self, library, sample_rate, block_size=128, channels=2):
        self.library = library
        self.handle = library.ai_mixer_create(sample_rate, block_size, channels)
        assert self.handle, library.ai_mixer_check(sample_rate, block_size, channels)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.ai_mixer_destroy(self.handle)

    @property
    def latency(self):
        return self.library.ai_mixer_latency(self.handle)

    def set_knobs(self, settings):
        """settings: name → value in the knob's unit."""
        names = [
            self.library.ai_mixer_knob_info(knob).contents.name.decode()
            for knob in range(self.library.ai_mixer_knob_count())
        ]
        for name, value in settings.items():
            assert self.library.ai_mixer_set_knob(self.handle, names.index(name), value) == 0

    def process(self, audio):
        """audio: [C, n] → [C, n]."""
        audio = np.ascontiguousarray(audio, np.float32)
        out = np.full_like(audio, np.nan)
        rows = self.rows(audio), self.rows(out)
        self.library.ai_mixer_process(self.handle, *rows, audio.shape[1])
        return out

    @staticmethod
    def rows(audio):
        """Pointers to the channels of [C, n] float32."""
        return (FLOATS * len(audio))(*(row.ctypes.data_as(FLOATS) for row in audio))

    def reset(self):
        self.library.ai_mixer_reset(self.handle)


class Job(NamedTuple):
    """Commands for an engine: of the program `tests/plugin/run_engine.c` and of `run_job`.

    commands: ("k", knob, value), ("p", samples) or ("r",).
    """

    sample_rate: int
    channels: int
    block_size: int
    commands: list

    @property
    def samples(self):
        return sum(command[1] for command in self.commands if command[0] == "p")

    def text(self):
        first = f"{self.sample_rate} {self.channels} {self.block_size}\n"
        return first + "".join(" ".join(map(str, command)) + "\n" for command in self.commands)


def random_job(console, seed, seconds=0.5, rate=None, channels=None, block_size=None):
    """A job with blocks of random sizes, also 0 and over `block_size`, and knob jumps."""
    random = np.random.default_rng(seed)
    rate = rate or int(random.choice([8000, 11_025, 44_100, 47_999, 96_001, 192_000]))
    block_size = block_size or int(random.choice([1, 32, 100, 128, 511, 1024]))
    commands, left = [], round(seconds * rate)
    while left > 0:
        for knob in random.choice(len(console.knobs), random.integers(0, 4), replace=False):
            position = random.choice([0.0, 1.0, random.random()])
            value = console.knobs[knob].to_physical(torch.tensor(position, dtype=torch.float64))
            commands.append(("k", int(knob), float(value)))
        for _ in range(random.integers(1, 20)):
            largest = random.choice([0, 1, 40, block_size, 3 * block_size])
            samples = min(left, int(random.integers(0, largest + 1)))
            commands.append(("p", samples))
            left -= samples
        if random.random() < 0.01:
            commands.append(("r",))
    return Job(rate, channels or int(random.integers(1, 3)), block_size, commands)


def run_job(library, job, audio):
    """Run a job on the library: audio [C, samples] → [C, samples]."""
    start, parts = 0, []
    with Engine(library, job.sample_rate, job.block_size, job.channels) as engine:
        for name, *numbers in job.commands:
            if name == "k":
                library.ai_mixer_set_knob(engine.handle, *numbers)
            elif name == "r":
                engine.reset()
            else:
                parts.append(engine.process(audio[:, start : start + numbers[0]]))
                start += numbers[0]
    return np.concatenate(parts, axis=1)


def expected(console, job, audio):
    """The output of `console.stream` for a job."""
    settings = {knob.name: knob.neutral for knob in console.knobs}
    start, parts = 0, []
    stream = console.stream(job.sample_rate, job.block_size, channels=job.channels)
    for name, *numbers in job.commands:
        if name == "k":
            settings[console.names[numbers[0]]] = numbers[1]
        elif name == "r":
            stream = console.stream(job.sample_rate, job.block_size, channels=job.channels)
        else:
            values = (torch.tensor(settings[k.name], dtype=torch.float64) for k in console.knobs)
            knobs = torch.stack(
                [k.to_position(value) for k, value in zip(console.knobs, values, strict=True)]
            ).clamp(0.0, 1.0)
            block = torch.as_tensor(audio[:, start : start + numbers[0]])
            parts += [stream(part, knobs) for part in block.split(job.block_size, dim=1)]
            start += numbers[0]
    return torch.cat(parts, dim=1).numpy()


def music(job, seed=0):
    """Noise of varying level, loud enough for the limiter: [C, samples] float32."""
    random = np.random.default_rng(seed)
    swell = 0.05 + np.abs(np.sin(np.linspace(0, 9, job.samples)))
    return (0.3 * swell * random.standard_normal((job.channels, job.samples))).astype(np.float32)
