"""Whether a reference says something: silence, clicks, fragments and the song itself do not."""

import filecmp

import torch

from ai_mixer.audio import AudioFile
from ai_mixer.dsp.k_weighting import HopEnergies
from ai_mixer.dsp.loudness import ABSOLUTE_GATE_LUFS, OFFSET_DB
from ai_mixer.utils.growing_array import GrowingArray

MIN_MEASURABLE_S = 1.0
FRAME_S = 0.01  # short, so that a click counts as a hundredth of a second
RANGE_LU = 20.0  # below the mean of the frames above the gate; as the gate of loudness range


def check_reference(reference: AudioFile, song: AudioFile | None = None) -> str:
    """Return why a reference determines no settings, or an empty string if it does.

    song: the song to be mixed after it; a copy of its file is no reference. ValueError if nothing
    of the reference is above the absolute gate of loudness, −70 LUFS.
    """
    return describe_unusable(reference, measurable_s(reference), song)


def describe_unusable(reference: AudioFile, seconds: float, song: AudioFile | None = None) -> str:
    """`check_reference` for a known length that can be measured."""
    if song is not None and filecmp.cmp(song.path, reference.path, shallow=False):
        return f"the reference {reference.path.name} is the song itself: no knob was moved"
    if seconds == 0:
        raise ValueError(
            f"{reference.path}: nothing of it is above {ABSOLUTE_GATE_LUFS:g} LUFS: "
            "choose another reference"
        )
    if seconds >= MIN_MEASURABLE_S:
        return ""
    return (
        f"only {seconds:.2g} s of {reference.path.name} can be measured, a reference needs "
        f"{MIN_MEASURABLE_S:g} s: no knob was moved towards it"
    )


def measurable_s(song: AudioFile) -> float:
    """Seconds of frames above −70 LUFS and less than 20 LU below the mean of these frames."""
    energies = HopEnergies(song.sample_rate, round(FRAME_S * song.sample_rate))
    frames = GrowingArray()
    for block in song.blocks():
        frames.push(energies.push(block[None]))
    powers = frames.read()[0] / energies.hop
    audible = powers[powers > 10 ** ((ABSOLUTE_GATE_LUFS - OFFSET_DB) / 10)]
    if not len(audible):
        return 0.0
    return FRAME_S * float(torch.sum(audible > audible.mean() * 10 ** (-RANGE_LU / 10)))
