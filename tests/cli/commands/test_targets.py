"""Each name of a loudness target reaches its loudness under the ceiling."""

import pytest
import soundfile
import torch
from torch.nn.functional import avg_pool1d

from ai_mixer.audio import AudioFile
from ai_mixer.cli.commands.options import TARGETS
from ai_mixer.mastering.delivery import loudness_bounds
from ai_mixer.mixing.limits import SERVICE_TARGETS_LUFS
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.preset import save_preset, single_section_preset
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100
CEILING_DB = -1.5
REFERENCE_LUFS = -18.0


def write(path, lufs):
    """Pulsing noise of a loudness: below −15 LUFS its peaks are under the ceiling."""
    time_s = torch.arange(round(1.5 * RATE)) / RATE
    audio = noise(2, seconds=1.5, level=0.1) * (0.4 + torch.exp(-6.0 * (time_s % 0.5)))
    audio = avg_pool1d(audio[None], 5, 1, 2)[0]
    audio *= 10 ** ((lufs - measure([audio], RATE).loudness_lufs) / 20)
    soundfile.write(path, audio.T.numpy(), RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *first_fast((("mix", name) for name in (*TARGETS, *SERVICE_TARGETS_LUFS)), 3),
        *first_fast((("master", name) for name in TARGETS), 1),
    ],
)
def test_a_named_target_is_reached(ai_mixer, tmp_path, command, name):
    song, output = tmp_path / "song.wav", tmp_path / "out.wav"
    write(song, -25.0 if command == "mix" else -16.5)
    arguments = ["--target", name, "--ceiling", CEILING_DB, "-o", output]
    if name == "reference":
        arguments += ["--reference", write(tmp_path / "reference.wav", REFERENCE_LUFS)]
    elif command == "mix":
        save_preset(single_section_preset({"low_eq": 2.0}), tmp_path / "preset.json")
        arguments += ["--preset", tmp_path / "preset.json"]
    done = ai_mixer(command, song, *arguments)
    assert done.code == 0, done.err
    before, after = (measure(AudioFile(path).blocks(), RATE) for path in (song, output))
    assert after.true_peak_db <= CEILING_DB
    wanted = {"none": before.loudness_lufs, "reference": REFERENCE_LUFS, **SERVICE_TARGETS_LUFS}
    if name in wanted:
        low = high = wanted[name]
    else:
        low, high = loudness_bounds(name)
    assert low - 0.1 <= after.loudness_lufs <= high + 0.1, done.out
