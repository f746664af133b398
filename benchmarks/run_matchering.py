"""Run Matchering on one pair of files, in the peers' environment, for the baseline `matching`.

.venv-peers/bin/python benchmarks/run_matchering.py TARGET.wav REFERENCE.wav RESULT.wav
"""

import sys

import soundfile
from matchering import Config
from matchering.stages import main


def match(target: str, reference: str, result: str) -> None:
    """Match loudness, spectrum and width of the target to the reference, and limit it."""
    (rough, rate), (other, _) = (
        soundfile.read(file, always_2d=True) for file in (target, reference)
    )
    limited, *_ = main(rough, other, Config(internal_sample_rate=rate), need_default=True)
    soundfile.write(result, limited, rate, subtype="FLOAT")


if __name__ == "__main__":
    match(*sys.argv[1:])
