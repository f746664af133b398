"""Knobs that a packaged model predicts for the damaged songs of `evidence.py`, as a file for it.

python benchmarks/evidence_champion.py /my/music champion.pt --model weighted_ensemble
python benchmarks/evidence.py /my/music --cache profiles.pt --champion champion.pt

Each version of each song is predicted whole, as `ai-mixer mix` does, before the ranges of a mix
limit it. The file is written after each song: a command that was stopped goes on where it was.
`--part 0/2` and `--part 1/2` share the songs among two processes, with a file each.
"""

import argparse
import csv
from pathlib import Path

import torch
from evidence import RATE, damages
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.inference.predictor import Predictor, load_model

NOT_MENDED = "crushed"  # no knob undoes it: not in the table


def main() -> None:
    """Predict, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="weighted_ensemble")
    parser.add_argument("--part", default="0/1", help="which part of the songs, of how many")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    predictor = load_model(arguments.model)
    known = torch.load(arguments.output) if arguments.output.is_file() else {}
    for number, path in list(enumerate(song_files(arguments.root)))[part::parts]:
        if number not in known:
            known[number] = _offsets(predictor, path)
            torch.save(known, arguments.output)
            print(f"{len(known)} songs", flush=True)


def song_files(root: Path) -> list[Path]:
    """The songs of the benchmark, in its order."""
    with (root / "manifest.csv").open(encoding="utf-8") as file:
        paths = [root / row["file"] for row in csv.DictReader(file)]
    return [path for path in paths if AudioFile(path).sample_rate == RATE]


def _offsets(predictor: Predictor, path: Path) -> dict[str, Tensor]:
    """Version → offsets of the applied knobs from neutral, [P]."""
    audio = torch.cat(list(AudioFile(path).blocks()), -1).expand(2, -1).contiguous()
    versions = {"finished": audio}
    versions |= {
        name: change(audio, RATE) for name, change in damages().items() if name != NOT_MENDED
    }
    return {
        name: predictor.stages(x.float(), RATE).applied.knobs[0] - predictor.console.neutral
        for name, x in versions.items()
    }


if __name__ == "__main__":
    main()
