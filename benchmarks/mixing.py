"""How fast `ai-mixer` mixes a song, how it starts, what memory it takes; beside Matchering.

    .venv/bin/python benchmarks/mixing.py SONG.wav [--model RUN] [--rounds 5] [--peers PYTHON]

The same song each round, in turn: our `mix` of it, Matchering with the song as its own reference.
Times are of processor time and of the clock; ours without its start, Matchering's without the
import of its libraries (both are called once before). Last, what a musician waits for: the whole
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

OURS = """
import gc, resource, sys, time
begin = time.perf_counter()
from ai_mixer.cli import OBJECTS
gc.set_threshold(OBJECTS)
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing import ranges
from ai_mixer.mixing.model_lookup import chosen
from ai_mixer.utils.parallel import one_thread
model = sys.argv[3] or None
chosen(model)
console = ranges.console()
settings = {name: 1.01 for name in ("low_eq", "mid_eq", "high_eq", "presence", "compressor_ratio")}
console.without_neutral(console.knobs_from(settings))[0].stream(44100, 32768, limit=False)
print("start", time.perf_counter() - begin)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    AudioMixer(model).mix_file(sys.argv[1], sys.argv[2], force=True)
    print("took", time.perf_counter() - wall, time.process_time() - cpu,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""
THEIRS = """
import resource, sys, time
begin = time.perf_counter()
sys.path.insert(0, "benchmarks")
from matching import match
print("start", time.perf_counter() - begin)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    match(sys.argv[1], sys.argv[1], sys.argv[2])
    print("took", time.perf_counter() - wall, time.process_time() - cpu,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""


class TimedProcess:
    """A process that does its work once for each line it is given."""

    def __init__(self, python: str, code: str, *words: str) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [python, "-u", "-c", code, *words]
        self.process = subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **pipes)
        self.start_s = float(self._read_answer()[0])
        self.rounds: list[list[float]] = []
        self.run_once()
        self.rounds.clear()

    def run_once(self) -> None:
        """One round: clock, processor time, peak memory so far."""
        print("go", file=self.process.stdin, flush=True)
        self.rounds.append([float(word) for word in self._read_answer()])

    def median(self, column: int) -> float:
        """Of all rounds."""
        return sorted(row[column] for row in self.rounds)[len(self.rounds) // 2]

    def _read_answer(self) -> list[str]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith(("start", "took")):
                return line.split()[1:]
        raise OSError("ended without an answer")


class Command:
    """A whole command of `ai-mixer`, called again and again."""

    def __init__(self, *words: str) -> None:
        self.command = [sys.executable, "-m", "ai_mixer.cli", *words]
        self.rounds: list[tuple[float, float]] = []

    def run_once(self) -> None:
        """One round: clock, processor time."""
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(self.command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.rounds.append((time.perf_counter() - begin, used_s))

    def summary(self) -> str:
        """The medians, and the fastest."""
        wall, used = (sorted(column) for column in zip(*self.rounds, strict=True))
        middle = len(self.rounds) // 2
        return f"{wall[middle]:.2f} s, fastest {wall[0]:.2f} s; {used[middle]:.2f} s of processor"


def first_second(song: Path, folder: str) -> str:
    """A file with the song's first second."""
    audio, rate = soundfile.read(song, frames=soundfile.info(song).samplerate)
    path = f"{folder}/second.wav"
    soundfile.write(path, audio, rate)
    return path


def main() -> None:
    """Prints the table."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("song", type=Path)
    words.add_argument("--model", default="")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--peers", default=".venv-peers/bin/python")
    given = words.parse_args()
    length_s = soundfile.info(given.song).duration
    with tempfile.TemporaryDirectory() as folder:
        song = str(given.song)
        processes = {
            "ai-mixer mix": TimedProcess(
                sys.executable, OURS, song, f"{folder}/ours.wav", given.model
            )
        }
        if Path(given.peers).exists():
            processes["matchering"] = TimedProcess(
                given.peers, THEIRS, song, f"{folder}/theirs.wav"
            )
        for _ in range(given.rounds):
            for one in processes.values():
                one.run_once()
        second = ["mix", first_second(given.song, folder), "--force"]
        second += ["--model", given.model] if given.model else []
        commands = {"mix of one second": Command(*second), "--help": Command("--help")}
        for _ in range(given.rounds):
            for wait in commands.values():
                wait.run_once()
    print(f"{length_s:.0f} s of sound, median of {given.rounds} rounds in turn")
    print("| work | start s | clock s | × real time | processor s | × real time | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, one in processes.items():
        wall, cpu, peak = (one.median(column) for column in range(3))
        print(
            f"| {name} | {one.start_s:.2f} | {wall:.2f} | {length_s / wall:.0f} "
            f"| {cpu:.2f} | {length_s / cpu:.0f} | {peak:.0f} |"
        )
    for name, wait in commands.items():
        print(f"{name}: {wait.summary()}")


if __name__ == "__main__":
    main()
