"""Compare the speed of the console with that of an earlier commit: `make bench-commits base=REV`.

python benchmarks/commits.py REV [--rounds 7] [--json FILE]

Both versions run in turn in processes of their own, one thread each, and the ratio of processor
times is taken within each round, so that other programs on the machine affect both.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RATE, BLOCK, SECONDS, POSITION = 44_100, 128, 10, 0.6


def main() -> None:
    """Print a table of ratios, new / base."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, default=ROOT / "outputs/bench/commits.json")
    parser.add_argument("--measure", action="store_true", help="measure the imported version")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure()))
        return
    if not arguments.base:
        parser.error("give the commit to compare with: make bench-commits base=HEAD~20")
    if arguments.rounds < 1:
        parser.error(f"--rounds must be 1 or more, got {arguments.rounds}")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        try:
            extract(arguments.base, base)
        except subprocess.CalledProcessError:
            parser.error(f"{arguments.base} is no commit of this repository: see git log --oneline")
        rounds = [(run(base), run(ROOT)) for _ in range(arguments.rounds + 1)][1:]
    results = {name: compare([(a[name], b[name]) for a, b in rounds]) for name in rounds[0][0]}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"base": arguments.base, **results}, indent=2))
    print(f"| processor time | {arguments.base} | now | ratio |\n|---|---:|---:|---:|")
    for name, row in results.items():
        print(
            f"| {name} | {row['base']:.1f} | {row['now']:.1f} | {row['ratio']:.2f} {row['spread']}|"
        )


def extract(commit: str, folder: Path) -> None:
    """Write the files of a commit to a folder."""
    command = ["git", "-C", str(ROOT), "archive", commit]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def run(tree: Path) -> dict[str, float]:
    """Measure the version in a working tree, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--measure"]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(output.stdout.splitlines()[-1])
    return result


def compare(pairs: list[tuple[float, float]]) -> dict[str, float | str]:
    """Medians, and the ratio new / base with its quartiles."""
    base, now = np.array(pairs).T
    low, median, high = np.percentile(now / base, (25, 50, 75))
    return {
        "base": float(np.median(base)),
        "now": float(np.median(now)),
        "ratio": float(median),
        "spread": f"[{low:.2f}, {high:.2f}] ",
    }


def measure() -> dict[str, float]:
    """Processor time of the imported version, by its public API."""
    import torch

    from ai_mixer.console import load_console
    from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio

    torch.set_num_threads(1)
    console, audio = load_console("classic", "wide"), synthetic_audio(1, SECONDS, RATE)
    still = torch.full((len(console.knobs),), POSITION)
    blocks = audio[0].split(BLOCK, dim=-1)[:-1]
    moving = torch.rand(len(blocks), len(still), generator=torch.Generator().manual_seed(0))

    def live(knobs: Callable[[int], torch.Tensor]) -> Callable[[], None]:
        stream = console.stream(RATE, BLOCK)
        return lambda: [stream(block, knobs(n)) for n, block in enumerate(blocks)] and None

    def forward() -> None:
        with torch.no_grad():
            console(audio, RATE, still[None])

    def render() -> None:
        list(console.render([audio[0]], RATE, still))

    def both_ways() -> None:
        x, knobs = audio.clone().requires_grad_(), still[None].clone().requires_grad_()
        mix = console(x, RATE, knobs)
        mix.backward(torch.ones_like(mix))

    per_block = 1e6 / len(blocks)
    return {
        "block of 128, knobs still, µs": per_block * seconds(live(lambda _: still)),
        "block of 128, all knobs moving, µs": per_block * seconds(live(lambda n: moving[n])),
        f"console, {SECONDS} s, forward, ms": 1e3 * seconds(forward),
        f"file, {SECONDS} s, ms": 1e3 * seconds(render),
        f"console, {SECONDS} s, forward + backward, ms": 1e3 * seconds(both_ways),
    }


def seconds(job: Callable[[], None], repeats: int = 3) -> float:
    """Shortest processor time of a call after a first one."""
    job()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        job()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
