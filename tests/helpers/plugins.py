"""Built plug-ins in hosts for the tests."""

import os
import subprocess
from pathlib import Path

import numpy as np
import torch

from ai_mixer.plugin.identity import BYPASS, parameter_id

SOURCES = Path(__file__).parents[1] / "plugin"
GRID = 32  # samples: EVENT_GRID of c/plugin.h


def compile_host(name, headers, folder, options=()):
    """Compile `tests/plugin/<name>.c` to a program."""
    program = folder / name
    flags = ["-std=c11", "-fms-extensions", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    flags += ["-rdynamic", "-fno-builtin"]  # host.h counts the plug-in's allocations
    command = ["gcc", *flags, "-isystem", headers, SOURCES / f"{name}.c", *options]
    subprocess.run([*command, "-o", program, "-ldl"], check=True)
    return program


class Host:
    """A program that reads commands and runs one plug-in, such as `clap_host`.

    numbers: "clap" or "vst3", how values of parameters are written.
    """

    def __init__(self, command, plugin, numbers, folder):
        self.command, self.plugin, self.numbers, self.folder = command, plugin, numbers, folder
        self.knobs = {knob.name: knob for knob in plugin.chain.knobs}
        self.labels = {label.name: label for label in plugin.labels}

    def run(self, lines):
        """Run commands; returns the lines that the host prints after the first."""
        text = "".join(f"{line}\n" for line in lines)
        result = subprocess.run(
            self.command, input=text, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{result.returncode}: {result.stderr[-2000:]}"
        return result.stdout.splitlines()[1:]

    def number(self, name, value):
        """A value of a knob as the format writes it."""
        if name == BYPASS:
            return float(value)
        knob, label = self.knobs[name], self.labels[name]
        linear = "log" if label.display == "decibels" else "linear"
        if self.numbers == "clap" and knob.scale == linear:
            return label.displayed(value)
        return float(knob.to_position(torch.tensor(value, dtype=torch.float64)))

    def event(self, name, value, time=0):
        """Command that changes a knob at a sample of the next block."""
        return f"event {time} {parameter_id(name)} {self.number(name, value)!r}"

    def play(self, audio, outputs, commands, rate, config=None, before=()):
        """Play audio [C, n] → [outputs, n]. commands: of the host; before: ones before it starts.

        Returns the output and the printed lines.
        """
        source, result = self.folder / "in.f32", self.folder / "out.f32"
        np.ascontiguousarray(audio, np.float32).tofile(source)
        if config is None:
            config = {(2, 2): 0, (1, 1): 1, (1, 2): 2}[len(audio), outputs]
        printed = self.run(
            [
                f"channels {config}",
                *before,
                f"start {rate} 8192",
                f"audio {source} {result} {len(audio)} {outputs}",
                *commands,
                "stop",
            ]
        )
        return np.fromfile(result, np.float32).reshape(outputs, -1), printed

    def play_job(self, job, console, audio):
        """Run a job of `helpers.engine` on the plug-in: audio [C, n] → [C, n]."""
        commands = []
        for name, *numbers in job.commands:
            if name == "k":
                commands.append(self.event(console.names[numbers[0]], numbers[1]))
            else:
                commands.append({"p": "process {}", "r": "reset"}[name].format(*numbers))
        return self.play(audio, job.channels, commands, job.sample_rate)[0]


def lv2_environment(folder):
    """Environment in which LV2 hosts find the bundles of a folder, and those of the standard."""
    return {**os.environ, "LV2_PATH": f"{folder}:/usr/lib/lv2"}


def off_neutral(plugin, seed=1):
    """Settings with all knobs off neutral."""
    positions = torch.rand(
        1, len(plugin.chain.knobs), generator=torch.Generator().manual_seed(seed)
    )
    return plugin.chain.settings(positions.double())[0]
