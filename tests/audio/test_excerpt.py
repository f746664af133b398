"""Tests of headers and excerpts: equality with the same region of the whole file, errors."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import probe, read_excerpt
from ai_mixer.dsp.resample import resample
from helpers import signals
from helpers.measures import residual_db


@pytest.fixture(scope="module")
def noise():
    """[T, 2] float32, 2 s at 48 kHz."""
    return signals.noise(2, 96_000, level=0.2).T.contiguous().numpy()


@pytest.fixture(scope="module")
def wav(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("audio") / "noise.wav"
    soundfile.write(path, noise, 48_000, subtype="FLOAT")
    return path


def test_probe_returns_duration_rate_and_channels(wav):
    assert probe(wav) == (2.0, 48_000, 2)


def test_an_excerpt_at_the_same_rate_is_exact(wav, noise):
    excerpt = read_excerpt(wav, 0.5, 1.0, 48_000)
    assert excerpt.dtype == torch.float32
    np.testing.assert_array_equal(excerpt.numpy(), noise[24_000:72_000].T)


@settings(deadline=None, max_examples=30)
@given(start_s=st.floats(0, 2.5), rate=st.sampled_from([8_000, 44_100, 44_056, 96_000]))
def test_an_excerpt_equals_the_region_of_the_resampled_file(wav, noise, start_s, rate):
    whole = resample(torch.from_numpy(noise.T.copy()), 48_000, rate)
    first = round(start_s * rate)
    expected = torch.zeros(2, round(0.3 * rate))
    known = whole[:, first : first + expected.shape[1]]
    expected[:, : known.shape[1]] = known
    excerpt = read_excerpt(wav, start_s, 0.3, rate)
    assert excerpt.shape == expected.shape
    # At the file's last sample the resampled file is cut off, the excerpt includes the ringing.
    error = (excerpt - expected)[:, : max(0, known.shape[1] - 1)]
    assert float(error.norm()) <= 1e-4 * float(expected.norm())


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "mp3"])
def test_seeking_is_sample_accurate(tmp_path, suffix, noise):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise, 48_000)
    whole = read_excerpt(path, 0.0, 2.0, 48_000)
    assert residual_db(read_excerpt(path, 0.7, 1.0, 48_000), whole[:, 33_600:81_600]) < -100


def test_mono_becomes_two_equal_channels(tmp_path):
    soundfile.write(tmp_path / "mono.wav", np.full(100, 0.5), 44_100)
    excerpt = read_excerpt(tmp_path / "mono.wav", 0.0, 100 / 44_100, 44_100)
    assert excerpt.shape == (2, 100)
    assert torch.equal(excerpt[0], excerpt[1])


def test_an_excerpt_is_silent_after_the_end(wav):
    assert read_excerpt(wav, 1.9, 0.5, 48_000)[:, 4_800:].abs().sum() == 0
    assert read_excerpt(wav, 5.0, 0.5, 44_100).shape == (2, 22_050)


def test_samples_over_full_scale_are_not_clipped(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.full(100, 1.5), 44_100, subtype="FLOAT")
    assert read_excerpt(tmp_path / "loud.wav", 0, 100 / 44_100, 44_100).max() == 1.5


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_or_infinite_samples_matter_only_inside_the_excerpt(tmp_path, bad):
    audio = np.full(44_100, 0.1)
    audio[30_000] = bad
    soundfile.write(tmp_path / "bad.wav", audio, 44_100, subtype="FLOAT")
    assert read_excerpt(tmp_path / "bad.wav", 0, 0.5, 44_100).isfinite().all()
    with pytest.raises(SongError, match=r"bad\.wav: contains NaN"):
        read_excerpt(tmp_path / "bad.wav", 0.5, 0.5, 44_100)


def test_surround_and_empty_files_are_errors(tmp_path):
    soundfile.write(tmp_path / "six.wav", np.zeros((100, 6)), 44_100)
    with pytest.raises(SongError, match=r"six\.wav: 6 channels"):
        probe(tmp_path / "six.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), 44_100)
    with pytest.raises(SongError, match=r"empty\.wav: .*no samples"):
        probe(tmp_path / "empty.wav")


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff"])
def test_a_truncated_file_is_as_long_as_what_can_be_read(tmp_path, suffix, noise):
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, noise, 48_000)
    whole = read_excerpt(path, 0.0, 2.0, 48_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    length = round(probe(path).duration_s * 48_000)
    assert 24_000 < length < 52_000
    inside = read_excerpt(path, 0.1, length / 48_000 - 0.2, 48_000)
    assert residual_db(inside, whole[:, 4_800 : 4_800 + inside.shape[1]]) < -90


@pytest.mark.parametrize("start_s", [0.0, 0.9])
def test_damage_inside_a_file_is_an_error_of_the_excerpts_there(tmp_path, start_s, noise):
    path = tmp_path / "damaged.flac"
    soundfile.write(path, noise, 48_000)
    whole = path.read_bytes()
    place = len(whole) // 2
    path.write_bytes(whole[:place] + bytes(20_000) + whole[place + 20_000 :])
    assert probe(path).duration_s == 2.0
    with pytest.raises(SongError, match=r"damaged\.flac: is damaged"):
        read_excerpt(path, start_s, 1.0, 48_000)
    assert read_excerpt(path, 1.6, 0.4, 48_000).any()


def test_unreadable_files_are_errors(tmp_path):
    (tmp_path / "fake.wav").write_text("no audio")
    with pytest.raises(SongError, match=r"fake\.wav: .*Format not recognised"):
        probe(tmp_path / "fake.wav")
    with pytest.raises(SongError, match=r"none\.wav: .*no such file"):
        probe(tmp_path / "none.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(SongError, match=r"folder\.wav: .*Is a directory"):
        probe(tmp_path / "folder.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    with pytest.raises(SongError, match=r"link\.wav: .*link to .*gone\.wav"):
        probe(tmp_path / "link.wav")
    (tmp_path / "ring.wav").symlink_to("ring.wav")
    with pytest.raises(SongError, match=r"ring\.wav: .*symbolic links"):
        probe(tmp_path / "ring.wav")


def test_a_file_without_read_permission_is_an_error(open_folder, unprivileged):
    path = open_folder / "locked.wav"
    soundfile.write(path, np.zeros(44_100), 44_100)
    path.chmod(0)
    with unprivileged(), pytest.raises(SongError, match=r"locked\.wav: .*\(Permission denied\)"):
        probe(path)


@pytest.mark.parametrize("name", ["Größe.wav", "日本.wav", "🎛.wav", "tab\there.wav", "-f.wav"])
def test_any_unicode_name_is_readable(tmp_path, name):
    soundfile.write(tmp_path / name, np.zeros(44_100), 44_100)
    assert probe(tmp_path / name).duration_s == 1.0
    assert read_excerpt(tmp_path / name, 0, 1, 44_100).shape == (2, 44_100)


def test_an_invalid_unicode_name_is_escaped_in_the_error(tmp_path):
    """Tables and HTML pages cannot contain the name itself."""
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system does not support such names")
    with pytest.raises(SongError, match=r"caf\\xe9\.wav: ") as caught:
        probe(Path(os.fsdecode(raw)))
    caught.value.file.encode("utf-8")


def test_files_below_0_4_s_are_errors(tmp_path):
    soundfile.write(tmp_path / "blink.wav", np.zeros(4_410), 44_100)
    with pytest.raises(SongError, match=r"blink\.wav: .*0\.1 s.*0\.4 s"):
        probe(tmp_path / "blink.wav")
    soundfile.write(tmp_path / "short.wav", np.zeros(17_640), 44_100)
    assert probe(tmp_path / "short.wav").duration_s == 0.4
