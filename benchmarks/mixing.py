"""Time and memory of `ai-mixer mix`, in comparison with Matchering.

    .venv/bin/python benchmarks/mixing.py SONG.wav [--model RUN] [--rounds 5] [--peers PYTHON]

The same song alternately by `ai-mixer mix` and by Matchering, with the song as its own reference.
Wall and processor times exclude start and imports (each is called once before). Last, the whole
command on the song's first second, and `--help`.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

AI_MIXER_SCRIPT = """
import gc, resource, sys, time
begin = time.perf_counter()
from ai_mixer.cli import GC_THRESHOLD
gc.set_threshold(GC_THRESHOLD)
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.model_lookup import resolve_model
model = sys.argv[3] or None
resolve_model(model)
console = console_cache.shared_console()
settings = {name: 1.01 for name in ("low_eq", "mid_eq", "high_eq", "presence", "compressor_ratio")}
console.without_neutral(console.knobs_from(settings))[0].stream(44100, 32768, limit=False)
print("start", time.perf_counter() - begin)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    AudioMixer(model).mix_file(sys.argv[1], sys.argv[2], force=True)
    print("took", time.perf_counter() - wall, time.process_time() - cpu,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""
MATCHERING_SCRIPT = """
import resource, sys, time
begin = time.perf_counter()
sys.path.insert(0, "benchmarks")
from run_matchering import match
print("start", time.perf_counter() - begin)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    match(sys.argv[1], sys.argv[1], sys.argv[2])
    print("took", time.perf_counter() - wall, time.process_time() - cpu,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""


class TimedProcess:
    """A process that runs its workload once for each line on stdin."""

    def __init__(self, python: str, code: str, *arguments: str) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [python, "-u", "-c", code, *arguments]
        self.process = subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **pipes)
        self.start_s = float(self._read_values()[0])
        self.rounds: list[list[float]] = []
        self.run_once()
        self.rounds.clear()

    def run_once(self) -> None:
        """Run one round: wall time, processor time, peak memory so far."""
        print("go", file=self.process.stdin, flush=True)
        self.rounds.append([float(value) for value in self._read_values()])

    def median(self, column: int) -> float:
        """Median of a column over all rounds."""
        return sorted(row[column] for row in self.rounds)[len(self.rounds) // 2]

    def _read_values(self) -> list[str]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith(("start", "took")):
                return line.split()[1:]
        raise OSError("the process ended without output")


class Command:
    """A whole command of `ai-mixer`, run repeatedly."""

    def __init__(self, *arguments: str) -> None:
        self.command = [sys.executable, "-m", "ai_mixer.cli", *arguments]
        self.rounds: list[tuple[float, float]] = []

    def run_once(self) -> None:
        """Run one round: wall time, processor time."""
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(self.command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.rounds.append((time.perf_counter() - begin, used_s))

    def summary(self) -> str:
        """Medians, and the fastest round."""
        wall, used = (sorted(column) for column in zip(*self.rounds, strict=True))
        middle = len(self.rounds) // 2
        return f"{wall[middle]:.2f} s, fastest {wall[0]:.2f} s; {used[middle]:.2f} s processor time"


def first_second(song: Path, folder: str) -> str:
    """Write the song's first second to a file; return its path."""
    audio, rate = soundfile.read(song, frames=soundfile.info(song).samplerate)
    path = f"{folder}/second.wav"
    soundfile.write(path, audio, rate)
    return path


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("song", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=".venv-peers/bin/python")
    arguments = parser.parse_args()
    length_s = soundfile.info(arguments.song).duration
    with tempfile.TemporaryDirectory() as folder:
        song = str(arguments.song)
        processes = {
            "ai-mixer mix": TimedProcess(
                sys.executable, AI_MIXER_SCRIPT, song, f"{folder}/ai_mixer.wav", arguments.model
            )
        }
        if Path(arguments.peers).exists():
            processes["matchering"] = TimedProcess(
                arguments.peers, MATCHERING_SCRIPT, song, f"{folder}/matchering.wav"
            )
        for _ in range(arguments.rounds):
            for process in processes.values():
                process.run_once()
        mix_second = ["mix", first_second(arguments.song, folder), "--force"]
        mix_second += ["--model", arguments.model] if arguments.model else []
        commands = {"mix of one second": Command(*mix_second), "--help": Command("--help")}
        for _ in range(arguments.rounds):
            for command in commands.values():
                command.run_once()
    print(f"{length_s:.0f} s of audio, median of {arguments.rounds} alternating rounds")
    print("| work | start s | wall s | × real time | processor s | × real time | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, process in processes.items():
        wall, cpu, peak = (process.median(column) for column in range(3))
        print(
            f"| {name} | {process.start_s:.2f} | {wall:.2f} | {length_s / wall:.0f} "
            f"| {cpu:.2f} | {length_s / cpu:.0f} | {peak:.0f} |"
        )
    for name, command in commands.items():
        print(f"{name}: {command.summary()}")


if __name__ == "__main__":
    main()
