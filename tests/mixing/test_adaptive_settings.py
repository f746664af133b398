"""Settings by section: repetitions share them, and the dynamics of the song stay."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing.adaptive_settings import MAX_PARTS, adaptive_sections, repeated_parts
from ai_mixer.mixing.excerpts import render_excerpt
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.preset import PresetSection
from ai_mixer.mixing.segmentation import MAX_SECTIONS, MIN_SECTION_S, section_starts_s
from helpers.music import finished_songs
from helpers.signals import noise

RATE = 44_100
CLASSIC = named_console("classic")


def spectra(*kinds):
    """20 s of each kind: 0 flat, 1 dull, 2 thin."""
    tilt = torch.linspace(-8, 8, 28)
    curves = {0: torch.zeros(28), 1: -tilt, 2: tilt}
    generator = torch.Generator().manual_seed(0)
    return torch.cat(
        [curves[k] + 0.5 * torch.randn(20, 28, generator=generator) - 30 for k in kinds]
    )


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [((0, 1, 0, 1), [0, 1, 0, 1]), ((1, 1, 1), [0, 0, 0]), ((0, 1, 2, 0), [0, 1, 2, 0])],
)
def test_repetitions_are_one_part(kinds, parts):
    starts = [20.0 * n for n in range(len(kinds))]
    assert repeated_parts(spectra(*kinds), starts) == parts


def test_a_quieter_verse_is_not_a_part_of_its_own():
    quiet = spectra(0, 0)
    quiet[20:] -= 15
    assert repeated_parts(quiet, [0.0, 20.0]) == [0, 0]


def parts_of(levels):
    """Parts by section as `mix --adaptive` finds them, with the starts of the sections."""
    starts = section_starts_s(levels)
    return starts, repeated_parts(levels, starts)


@pytest.mark.parametrize("fluctuation_db", [0.5, 2.0, 4.0])
def test_a_steady_song_is_one_part(fluctuation_db):
    """Spectra of single seconds differ; settings must not flip with them."""
    for seed in range(10):
        random = torch.randn(240, 28, generator=torch.Generator().manual_seed(seed))
        assert set(parts_of(fluctuation_db * random - 30)[1]) == {0}


def test_parts_change_where_the_song_does_and_nowhere_else():
    """Six passages of 20 s with two sounds: five changes, at their borders."""
    random = torch.randn(120, 28, generator=torch.Generator().manual_seed(1))
    starts, parts = parts_of(spectra(0, 1, 0, 1, 1, 0) + random)
    changes = [start for n, start in enumerate(starts) if n and parts[n] != parts[n - 1]]
    assert changes == pytest.approx([20, 40, 60, 100], abs=2)


@pytest.mark.slow
@pytest.mark.music
def test_adaptive_mixes_of_music_have_few_settings_and_the_dynamics_of_the_song(
    packaged_models, tmp_path
):
    """Beside the mix with the settings of the whole song: the level of each 10 s follows it."""
    tested = 0
    for number, file in enumerate(finished_songs(24)):
        mixes = {}
        for adaptive in (False, True):
            output = tmp_path / f"{number}_{adaptive}.wav"
            mixes[adaptive] = AudioMixer().mix_file(file, output, adaptive=adaptive)
        sections = mixes[True].preset.sections
        if len(sections) == 1:
            continue
        tested += 1
        starts = [own.start_s for own in sections]
        tones = [
            tuple(value for name, value in own.settings.items() if name != "output_level")
            for own in sections
        ]
        assert len(set(tones)) <= MAX_PARTS
        assert all(a != b for a, b in pairwise(tones))
        assert all(b - a >= MIN_SECTION_S for a, b in pairwise(starts))
        assert len(sections) <= MAX_SECTIONS
        plain, adapted = (
            torch.tensor(window_levels_db(mix.output)) for mix in (mixes[False], mixes[True])
        )
        loud = plain > plain.max() - 20
        assert (adapted - plain)[loud].abs().max() < 1.5, file
    assert tested >= 3


def window_levels_db(path):
    """Level of each 10 s."""
    audio, rate = soundfile.read(path)
    power = np.square(audio).mean(1)
    count = len(power) // (10 * rate)
    return 10 * np.log10(power[: count * 10 * rate].reshape(count, -1).mean(1) + 1e-9)


def section(start_s, **settings):
    neutral = {name: knob.neutral for name, knob in CLASSIC.knobs.items()}
    return PresetSection(start_s, neutral | settings)


def test_sections_of_a_part_share_settings_and_keep_the_dynamics(tmp_path):
    audio = torch.cat([noise(2, seconds=6.0, level=0.05), noise(2, seconds=6.0, level=0.1)], -1)
    soundfile.write(tmp_path / "song.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    song = AudioFile(tmp_path / "song.wav")
    sections = [
        section(0.0, low_eq=6.0, high_eq=6.0, input_gain=1.2),
        section(3.0, low_eq=4.0, high_eq=4.0),
        section(6.0, high_eq=-5.0, compressor_ratio=3.0),
    ]
    whole = section(0.0, high_eq=1.0, compressor_ratio=1.5)
    result = adaptive_sections(song, CLASSIC, sections, [0, 0, 1], whole)
    assert [s.start_s for s in result] == [0.0, 6.0]
    assert result[0].settings["low_eq"] == pytest.approx(5.0, abs=0.01)
    for own in result:
        assert own.settings["compressor_ratio"] == 1.5
        assert own.settings["input_gain"] == whole.settings["input_gain"]
    halves = [audio[:, : 6 * RATE], audio[:, 6 * RATE :]]
    louder = [
        float(loudness_lufs(render_excerpt(CLASSIC, half, own.settings)[None], RATE))
        - float(loudness_lufs(render_excerpt(CLASSIC, half, whole.settings)[None], RATE))
        for half, own in zip(halves, result, strict=True)
    ]
    assert louder == pytest.approx([0.0, 0.0], abs=0.1)


def test_one_part_is_mixed_as_the_whole_song(tmp_path):
    soundfile.write(tmp_path / "s.wav", noise(2, seconds=2.0).T.numpy(), RATE)
    whole = section(0.0, low_eq=1.0)
    sections = [section(0.0, low_eq=2.0), section(1.0, low_eq=-2.0)]
    song = AudioFile(tmp_path / "s.wav")
    assert adaptive_sections(song, CLASSIC, sections, [0, 0], whole) == (whole,)
