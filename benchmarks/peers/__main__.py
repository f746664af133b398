"""Compare speed with other libraries, on one thread: `make bench-peers`.

python benchmarks/peers [--rounds 9] [--seconds 10] [--only reverb] [--json FILE]
"""

import argparse
import os
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import dynamics
import equaliser
import pandas as pd
import reverberation
import strip
import torch
from comparison import run, version

import console
import losses
import mastering
from ai_mixer.evaluation.bench import output
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio

RATE = 44_100
PEERS = Path(__file__).with_name("requirements.txt")
ALL = (equaliser, dynamics, reverberation, console, strip, losses, mastering)


def main() -> None:
    """Print a table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", default="", help="comparisons whose name contains this text")
    parser.add_argument("--json", type=Path, default=Path("outputs/bench/peers.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    audio, rows = synthetic_audio(1, arguments.seconds, RATE), []
    for part in ALL:
        for comparison in part.comparisons(audio, RATE):
            if arguments.only in comparison.name:
                print(f"{comparison.name} …", flush=True)
                rows += run(comparison, arguments.rounds)
    results = pd.DataFrame(rows)
    output.write_json(results, arguments.json, versions=_versions(), seconds=arguments.seconds)
    print(_markdown(results))
    print(f"{arguments.seconds:g} s of stereo, one thread, processor time. {arguments.json}")


def _versions() -> dict[str, str]:
    lines = PEERS.read_text(encoding="utf-8").splitlines()
    names = [line.partition(">")[0].strip() for line in lines if line and not line.startswith("#")]
    return {name: version(name) for name in [*names, "auraloss"]}


def _markdown(results: pd.DataFrame) -> str:
    head = "| work | peer | ours ms | peer ms | times as fast | bar |  |"
    return "\n".join(
        [head, "|---|---|---:|---:|---:|---:|---|", *map(_line, results.to_dict("records"))]
    )


def _line(row: dict) -> str:
    if pd.isna(row.get("ratio")):
        cells = ["–", "–", "–"]
    else:
        spread = f"{row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}]"
        cells = [f"{row['ours cpu ms']:.1f}", f"{row['peer cpu ms']:.1f}", spread]
    min_speedup = row.get("bar")
    verdict = (
        []
        if min_speedup is None or pd.isna(min_speedup)
        else [f"≥ {min_speedup:.2g}", "holds" if row["holds"] else "missed"]
    )
    note = row["note"]
    cells = [row["work"], row["peer"], *cells, *(verdict or ["", note])]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
