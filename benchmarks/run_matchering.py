"""Matchering on one pair of files; run by the peers' Python for the baseline `matching`.

.venv-peers/bin/python benchmarks/matching.py TARGET.wav REFERENCE.wav RESULT.wav
"""

import sys

import soundfile
from matchering import Config
from matchering.stages import main


def match(target: str, reference: str, result: str) -> None:
    """Write the target as loud, as bright and as wide as the reference, through its limiter."""
    (rough, rate), (other, _) = (
        soundfile.read(file, always_2d=True) for file in (target, reference)
    )
    limited, *_ = main(rough, other, Config(internal_sample_rate=rate), need_default=True)
    soundfile.write(result, limited, rate, subtype="FLOAT")


if __name__ == "__main__":
    match(*sys.argv[1:])
