"""Changed copies of a recording are near-duplicates; other recordings are not."""

import os
from itertools import combinations

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from ai_mixer.data import metadata_cache
from ai_mixer.data.audio_fingerprint import HOP, RATE_HZ, fingerprint_audio, fingerprint_file
from ai_mixer.data.folder import ROOT_VARIABLE, Folder
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.near_duplicates import MAX_BIT_ERROR_RATE, bit_error_rate, near_duplicates
from helpers.parameters import first_fast

SAMPLE_RATE = 22050


def music(seed, seconds=12.0):
    """Random chords and hits, four per second."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    notes = rng.choice(36, (4, round(4 * seconds) + 1))
    pitch_hz = 110 * 2 ** (notes[:, (4 * time_s).astype(int)] / 12)
    tones = sum(np.sin(np.cumsum(2 * np.pi * voice / SAMPLE_RATE)) for voice in pitch_hz)
    hits = rng.standard_normal(time_s.shape) * np.exp(-(time_s % 0.25) / 0.05)
    return (0.1 * tones + 0.1 * hits).astype(np.float32)


def lossy(audio, tmp_path, kind, quality):
    file = tmp_path / f"song.{kind}"
    soundfile.write(file, audio, SAMPLE_RATE, compression_level=quality)
    return soundfile.read(file, dtype="float32")[0]


CHANGES = {
    "level": lambda x, _: 0.05 * x,
    "trim": lambda x, _: x[30_001:-20_000],
    "offset": lambda x, _: np.concatenate([np.zeros(30_001, np.float32), x]),
    "equaliser": lambda x, _: x + 2 * sosfilt(butter(1, 500, fs=SAMPLE_RATE, output="sos"), x),
    "hiss": lambda x, _: x + 0.01 * np.random.default_rng(9).standard_normal(x.shape),
    "mp3": lambda x, folder: lossy(x, folder, "mp3", 0.8),
    "ogg": lambda x, folder: lossy(x, folder, "ogg", 0.9),
    "trimmed mp3": lambda x, folder: lossy(x[50_000:], folder, "mp3", 0.8),
}


@pytest.fixture(scope="module")
def others():
    return [fingerprint_audio(music(seed), SAMPLE_RATE) for seed in range(1, 12)]


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(change, others, tmp_path):
    song = music(0)
    copy = fingerprint_audio(CHANGES[change](song, tmp_path).astype(np.float32), SAMPLE_RATE)
    fingerprints = [others[0], fingerprint_audio(song, SAMPLE_RATE), *others[1:], copy]
    assert near_duplicates(fingerprints) == [(1, len(fingerprints) - 1)]


def stereo(seed):
    """[T, 2]: two instruments, panned to the left and to the right by half."""
    left, right = music(seed), music(seed + 100)
    return np.stack([left + 0.4 * right, 0.4 * left + right], 1)


CHANNEL_CHANGES = {
    "one channel inverted": lambda x: x * np.float32([1, -1]),
    "one inverted and quieter": lambda x: x * np.float32([1, -0.5]),
    "both inverted": lambda x: -x,
    "swapped": lambda x: x[:, ::-1],
    "mono": lambda x: x.mean(1),
    "left": lambda x: x[:, 0],
    "dead right": lambda x: x * np.float32([1, 0]),
    "wider": lambda x: 1.5 * x - 0.5 * x[:, ::-1],
}


@pytest.mark.parametrize("change", first_fast(CHANNEL_CHANGES, 4))
def test_copies_with_other_channels_are_found(change):
    copy = fingerprint_audio(CHANNEL_CHANGES[change](stereo(0)), SAMPLE_RATE)
    fingerprints = [fingerprint_audio(stereo(seed), SAMPLE_RATE) for seed in (0, 1, 2)]
    assert near_duplicates([*fingerprints, copy]) == [(0, 3)]


@pytest.mark.parametrize("change", ["one channel inverted", "both inverted", "swapped"])
def test_polarity_and_order_of_channels_change_no_bit_of_the_power(change):
    changed = CHANNEL_CHANGES[change](stereo(0))
    (_, one), (_, two) = (fingerprint_audio(x, SAMPLE_RATE) for x in (stereo(0), changed))
    assert bit_error_rate(one, two, 0)[0] < 1e-3


def test_fingerprints_of_stereo_are_those_of_its_mid_and_of_a_mono_copy():
    mid = fingerprint_audio(stereo(0).mean(1), SAMPLE_RATE)
    assert bit_error_rate(mid, fingerprint_audio(stereo(0), SAMPLE_RATE)[0], 0)[0] < 1e-3
    twin = fingerprint_audio(np.stack([music(0)] * 2, 1), SAMPLE_RATE)
    for row in twin:
        assert bit_error_rate(fingerprint_audio(music(0), SAMPLE_RATE), row, 0)[0] < 1e-3


def test_copy_with_one_channel_inverted_by_another_artist_is_in_the_same_split(tmp_path):
    """Six artists with a song each, and a copy of one of the songs by a seventh."""
    songs = {f"artist {seed}": stereo(seed) for seed in range(6)}
    songs["someone else"] = stereo(0) * np.float32([1, -1])
    for artist, audio in songs.items():
        (tmp_path / artist).mkdir()
        soundfile.write(tmp_path / artist / "song.wav", audio, SAMPLE_RATE)
    songs_of_folder = Folder(tmp_path, near_duplicates=True).songs()
    splits = {song.path.parent.name: song.split for song in songs_of_folder}
    assert len(splits) == 7
    assert splits["someone else"] == splits["artist 0"]


def test_cached_fingerprints_of_an_older_version_are_computed_again(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "song.wav", stereo(0), SAMPLE_RATE)
    cache, songs = MetadataCache(tmp_path / "index"), [(tmp_path / "song.wav", "digest")]
    with monkeypatch.context() as patch:
        patch.setattr(metadata_cache, "VERSION", 1)
        patch.setattr(metadata_cache, "fingerprint_file", lambda _: np.ones(9, np.uint32))
        (old,) = cache.fingerprints(songs)
    (new,) = cache.fingerprints(songs)
    assert len(old) == 9
    assert np.array_equal(new, fingerprint_file(tmp_path / "song.wav"))


def test_copies_at_another_sample_rate_are_found():
    song = music(0)
    other = resample_poly(song, 480, 441).astype(np.float32)
    fingerprints = [fingerprint_audio(song, SAMPLE_RATE), fingerprint_audio(other, 24000)]
    assert near_duplicates(fingerprints) == [(0, 1)]


def test_unrelated_recordings_have_half_the_bits_different(others):
    errors = [bit_error_rate(one, two, 0)[0] for one, two in combinations(others, 2)]
    assert min(errors) > MAX_BIT_ERROR_RATE + 0.08
    assert np.mean(errors) == pytest.approx(0.5, abs=0.02)


def test_short_common_passages_are_no_duplicates(others):
    """Two songs that share 3 s are different songs."""
    song = music(3)
    song[: 3 * SAMPLE_RATE] = music(2)[: 3 * SAMPLE_RATE]
    assert near_duplicates([others[1], fingerprint_audio(song, SAMPLE_RATE)]) == []


def test_silence_is_no_duplicate():
    silent = fingerprint_audio(np.zeros(10 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    hum = fingerprint_audio(np.full(10 * SAMPLE_RATE, 0.1, np.float32), SAMPLE_RATE)
    assert not silent.any()
    assert near_duplicates([silent, silent, hum, hum]) == []
    assert near_duplicates([]) == near_duplicates([silent]) == []


def test_too_short_audio_has_an_empty_fingerprint():
    assert len(fingerprint_audio(np.ones(100, np.float32), SAMPLE_RATE)) == 0


def test_fingerprint_is_that_of_the_middle(tmp_path):
    song = music(0, 20.0)
    soundfile.write(tmp_path / "song.wav", song, SAMPLE_RATE)
    middle = fingerprint_file(tmp_path / "song.wav", span_s=10.0)
    whole = fingerprint_audio(song, SAMPLE_RATE)
    assert len(middle) < 10.0 * RATE_HZ / HOP
    errors, frames = bit_error_rate(whole, middle, round(5.0 * RATE_HZ / HOP))
    assert errors < 0.1
    assert frames > 300


@pytest.mark.slow
@pytest.mark.music
def test_real_music_has_no_false_duplicates():
    """Only excerpts of one song are duplicates."""
    if ROOT_VARIABLE not in os.environ:
        pytest.skip(f"{ROOT_VARIABLE} names no folder of music")
    songs = Folder().songs()
    pairs = near_duplicates([fingerprint_file(song.path) for song in songs])
    false = [(songs[a].id, songs[b].id) for a, b in pairs if songs[a].song != songs[b].song]
    assert len(pairs) > 15
    assert not false
