"""FLAC encoding and files."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ai_mixer.listening.flac import encode_flac, write_flac_files
from ai_mixer.listening.samples import SongSamples


@pytest.mark.parametrize("bits", [16, 24])
def test_decoded_audio_differs_by_at_most_half_a_step(bits: int) -> None:
    audio = np.random.default_rng(0).uniform(-1, 1, (2, 1000)) * (1 - 2.0 ** (1 - bits))
    blob, factor = encode_flac(audio, 44100, bits)
    decoded, rate = sf.read(io.BytesIO(blob), dtype="float64")
    assert (rate, factor) == (44100, 1.0)
    assert np.abs(decoded.T - audio).max() <= 0.5 * 2.0 ** (1 - bits) + 1e-12


def test_audio_above_full_scale_is_attenuated_not_clipped() -> None:
    audio = np.sin(np.arange(1000) / 5)[None] * 4
    blob, factor = encode_flac(audio, 44100, 24)
    with sf.SoundFile(io.BytesIO(blob)) as file:
        assert "12.04 dB" in file.comment
        assert np.abs(file.read()[None] * factor - audio).max() < 1e-6
    assert factor == pytest.approx(4.0, rel=1e-3)


def test_files_are_named_by_song_and_version(song: SongSamples, tmp_path: Path) -> None:
    files = write_flac_files(tmp_path / "audio", replace(song, name="Étude №4 / live?"))
    assert [path.name for path in files.values()] == [
        "Étude_4_live_rough.flac",
        "Étude_4_live_mix.flac",
        "Étude_4_live_finished.flac",
    ]
    assert sorted((tmp_path / "audio").iterdir()) == sorted(files.values())
    for version, path in files.items():
        assert sf.info(path).subtype == "PCM_24"
        decoded, _ = sf.read(path)
        assert np.abs(decoded.T - song.versions()[version]).max() < 1e-7


def test_file_of_a_mono_song_and_a_name_without_letters(
    song: SongSamples, make: Callable[..., SongSamples], tmp_path: Path
) -> None:
    mono = make("///", rough=song.rough[:1], mix=song.rough[:1], finished=song.finished[:1])
    assert write_flac_files(tmp_path, mono)["mix"].name == "song_mix.flac"
