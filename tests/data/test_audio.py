"""Excerpts equal the same region of the whole file, whatever its rate and format."""

import math

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.data.audio import probe, read_excerpt
from ai_mixer.dsp.resample import resample


def residual_db(x, y):
    return 20 * math.log10(float((x - y).norm() / y.norm()) + 1e-12)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 0.2, (96_000, 2)).astype("float32")


@pytest.fixture(scope="module")
def wav(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("audio") / "noise.wav"
    soundfile.write(path, noise, 48_000, subtype="FLOAT")
    return path


def test_probe(wav):
    assert probe(wav) == (2.0, 48_000, 2)


def test_same_rate_is_exact(wav, noise):
    excerpt = read_excerpt(wav, 0.5, 1.0, 48_000)
    assert excerpt.dtype == torch.float32
    np.testing.assert_array_equal(excerpt.numpy(), noise[24_000:72_000].T)


@settings(deadline=None, max_examples=30)
@given(start_s=st.floats(0, 2.5), rate=st.sampled_from([8_000, 44_100, 44_056, 96_000]))
def test_an_excerpt_is_the_whole_file_cut(wav, noise, start_s, rate):
    whole = resample(torch.from_numpy(noise.T.copy()), 48_000, rate)
    first = round(start_s * rate)
    expected = torch.zeros(2, round(0.3 * rate))
    known = whole[:, first : first + expected.shape[1]]
    expected[:, : known.shape[1]] = known
    excerpt = read_excerpt(wav, start_s, 0.3, rate)
    assert excerpt.shape == expected.shape
    # At the file's last sample the whole-file version is cut off and the excerpt rings out.
    error = (excerpt - expected)[:, : max(0, known.shape[1] - 1)]
    assert float(error.norm()) <= 1e-4 * float(expected.norm())


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "mp3"])
def test_seeking_lands_on_the_sample(tmp_path, suffix, noise):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise, 48_000)
    whole = read_excerpt(path, 0.0, 2.0, 48_000)
    assert residual_db(read_excerpt(path, 0.7, 1.0, 48_000), whole[:, 33_600:81_600]) < -100


def test_mono_becomes_two_equal_channels(tmp_path):
    soundfile.write(tmp_path / "mono.wav", np.full(100, 0.5), 44_100)
    excerpt = read_excerpt(tmp_path / "mono.wav", 0.0, 100 / 44_100, 44_100)
    assert excerpt.shape == (2, 100)
    assert torch.equal(excerpt[0], excerpt[1])


def test_past_the_end_is_silence(wav):
    assert read_excerpt(wav, 1.9, 0.5, 48_000)[:, 4_800:].abs().sum() == 0
    assert read_excerpt(wav, 5.0, 0.5, 44_100).shape == (2, 22_050)


def test_over_full_scale_is_kept(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.full(100, 1.5), 44_100, subtype="FLOAT")
    assert read_excerpt(tmp_path / "loud.wav", 0, 100 / 44_100, 44_100).max() == 1.5


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_names_the_file(tmp_path, bad):
    soundfile.write(tmp_path / "bad.wav", np.array([0.0, bad, 0.0]), 44_100, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"bad\.wav: contains NaN or infinite"):
        read_excerpt(tmp_path / "bad.wav", 0, 3 / 44_100, 44_100)


def test_surround_and_empty_files_are_named(tmp_path):
    soundfile.write(tmp_path / "six.wav", np.zeros((100, 6)), 44_100)
    with pytest.raises(ValueError, match=r"six\.wav: 6 channels, .* mix it down"):
        probe(tmp_path / "six.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), 44_100)
    with pytest.raises(ValueError, match=r"empty\.wav: holds no samples"):
        probe(tmp_path / "empty.wav")


def test_damaged_files_are_named(tmp_path, noise):
    path = tmp_path / "torn.flac"
    soundfile.write(path, noise, 48_000)
    path.write_bytes(path.read_bytes()[:20_000])
    assert probe(path).duration_s == 2.0  # so the header says
    with pytest.raises(ValueError, match=r"torn\.flac: is damaged"):
        read_excerpt(path, 1.0, 0.5, 48_000)


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "fake.wav").write_text("no sound")
    with pytest.raises(ValueError, match=r"fake\.wav: cannot be read as sound"):
        probe(tmp_path / "fake.wav")
    with pytest.raises(ValueError, match=r"none\.wav: .*no such file"):
        probe(tmp_path / "none.wav")
