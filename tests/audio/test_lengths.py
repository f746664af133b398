"""The length of a file is the number of samples that FFmpeg decodes, whatever its header says."""

import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import probe, read_excerpt
from helpers.datasets import small_song

RATE, SECONDS = 44_100, 1.5
SAMPLES = round(RATE * SECONDS)
NO_NOISE = "-aac_pns 0"  # noise that a decoder draws at random would differ between two decodings

# File → options of ffmpeg.
MADE = {
    "s16.wav": "",
    "s24.wav": "-c:a pcm_s24le",
    "f64.wav": "-c:a pcm_f64le",
    "u8.wav": "-c:a pcm_u8",
    "ulaw.wav": "-c:a pcm_mulaw",
    "adpcm.wav": "-c:a adpcm_ms",
    "mp3.wav": "-c:a mp3 -f wav",
    "rf64.wav": "-rf64 always",
    "s16.w64": "",
    "s16.aiff": "",
    "s16le.aifc": "-c:a pcm_s16le -f aiff",
    "s16.caf": "",
    "alac.caf": "-c:a alac",
    "s16.au": "",
    "s16.flac": "",
    "flac.oga": "-c:a flac",
    "flac.mka": "-c:a flac",
    "vorbis.ogg": "-c:a libvorbis -page_duration 100000",
    "vorbis.webm": "-c:a libvorbis",
    "low.ogg": "-ar 8000 -c:a libvorbis",
    "x.opus": "-c:a libopus -page_duration 100000",
    "opus.webm": "-c:a libopus",
    "vbr.mp3": "-q:a 2",
    "cbr.mp3": "-b:a 128k -write_id3v1 1 -metadata title=a",
    "low.mp3": "-ar 22050 -ac 1",
    "vbr_without_xing.mp3": "-q:a 2 -write_xing 0 -id3v2_version 0",
    "cbr_without_xing.mp3": "-b:a 128k -write_xing 0 -write_id3v1 1 -metadata title=a",
    "aac.m4a": NO_NOISE,
    "alac.m4a": "-c:a alac",
    "fragments.mp4": f"{NO_NOISE} -movflags frag_keyframe+empty_moov",
    "aac.mov": NO_NOISE,
    "adts.aac": NO_NOISE,
    "x.wma": "",
    "x.wv": "",
    "x.avi": "",
    "x.mp2": "",
    "x.ts": "",
}
PIPED = {
    "pipe.flac": "-f flac",
    "pipe.wav": "-f wav",
    "pipe.mp3": "-f mp3 -q:a 4",
    "pipe.caf": "-f caf",
    "pipe.au": "-f au",
    "pipe.avi": "-f avi",
    "pipe.mka": "-f matroska",
}
DOUBLED = {"twice.mp3": "vbr_without_xing.mp3", "twice.aac": "adts.aac"}
CUT = [  # to half of their bytes
    *("s16.wav", "rf64.wav", "s16.w64", "s16.aiff", "s16.au", "s16.caf", "s16.flac", "vbr.mp3"),
    *("vorbis.ogg", "x.opus", "opus.webm", "x.wma", "flac.mka", "adts.aac", "pipe.flac"),
]
WITHOUT_DECLARED_LENGTH = [
    f"cut_{name}" for name in ("vorbis.ogg", "x.opus", "x.wma", "adts.aac", "pipe.flac")
]
FILES = [*MADE, *PIPED, *DOUBLED, "size_0.wav", *(f"cut_{name}" for name in CUT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All files, made by two dozen encoders, and what ffmpeg decodes of each, as `<file>.f32`."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: apt-get install ffmpeg")
    folder = tmp_path_factory.mktemp("lengths")
    soundfile.write(folder / "base.wav", small_song(0, SECONDS), RATE, subtype="PCM_16")
    outputs = [part for name, text in MADE.items() for part in (*text.split(), name)]
    ffmpeg(folder, "-i", "base.wav", *outputs)
    for name, options in PIPED.items():
        (folder / name).write_bytes(ffmpeg(folder, "-i", "base.wav", *options.split(), "-"))
    for name, source in DOUBLED.items():
        (folder / name).write_bytes((folder / source).read_bytes() * 2)
    wav = (folder / "s16.wav").read_bytes()
    size = wav.index(b"data") + 4
    (folder / "size_0.wav").write_bytes(wav[:size] + bytes(4) + wav[size + 4 :])
    for name in CUT:
        content = (folder / name).read_bytes()
        (folder / f"cut_{name}").write_bytes(content[: len(content) // 2])
    inputs = [part for name in FILES for part in ("-i", name)]
    outputs = [
        part
        for number, name in enumerate(FILES)
        for part in ("-map", f"{number}:a", "-f", "f32le", f"{name}.f32")
    ]
    ffmpeg(folder, *inputs, *outputs)
    return folder


def ffmpeg(folder, *arguments):
    command = ["ffmpeg", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True)
    assert done.stdout or all((folder / a).exists() for a in arguments if "." in a), done.stderr
    return done.stdout


def decoded(folder, name, channels):
    """[C, T] by ffmpeg."""
    samples = np.fromfile(folder / f"{name}.f32", np.float32)
    return torch.from_numpy(samples.reshape(-1, channels).T.copy())


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_long_as_what_ffmpeg_decodes(folder, name):
    path = folder / name
    file = AudioFile(path)
    expected = decoded(folder, name, file.channels)
    whole = torch.cat(list(file.blocks()), -1)
    assert whole.shape == expected.shape
    assert file.frames == round(probe(path).duration_s * file.sample_rate) == whole.shape[1]
    tolerance = 0.1 if "opus" in name else 3e-5  # decoders of Opus fold noise in differently
    assert float((whole - expected).abs().max()) < tolerance
    if not name.startswith("cut_"):
        assert not file.warnings
        assert file.frames / file.sample_rate > SECONDS - 0.03


@pytest.mark.parametrize("name", FILES)
def test_an_excerpt_equals_that_region_of_the_whole_file(folder, name):
    file = AudioFile(folder / name)
    whole = torch.cat(list(file.blocks()), -1)
    first = int(0.6 * whole.shape[1])
    excerpt = read_excerpt(folder / name, first / file.sample_rate, 0.2, file.sample_rate)
    region = whole[:, first : first + excerpt.shape[1]]
    assert float((excerpt[: file.channels] - region).abs().max()) < 5e-5


@pytest.mark.parametrize("name", [f"cut_{name}" for name in CUT])
def test_a_cut_file_says_where_it_breaks_off(folder, name):
    file = AudioFile(folder / name)
    read_s = sum(block.shape[1] for block in file.blocks()) / file.sample_rate
    (warning,) = (text for text in file.warnings if "breaks off" in text)
    of = "" if name in WITHOUT_DECLARED_LENGTH else r" of 1\.\d"
    assert warning.startswith(f"{name} breaks off after {read_s:.1f}")
    assert re.fullmatch(rf".*after \d\.\d{of} s", warning)
    assert AudioFile(folder / name).missing == file.missing  # known from the header and the end


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
@pytest.mark.parametrize("same", [True, False])
def test_chained_ogg_is_read_to_the_end_of_its_last_link(tmp_path, suffix, same):
    """ffmpeg 5.1 adds 128 samples (Vorbis) or 312 (Opus) at the start of the second link."""
    links = [small_song(0, 1.0), small_song(0 if same else 1, 1.2)]
    rate = 48_000
    options = {"format": "OGG", "subtype": "OPUS" if suffix == "opus" else "VORBIS"}
    for number, song in enumerate(links):
        soundfile.write(tmp_path / f"{number}.{suffix}", song, rate, **options)
    if same:
        shutil.copy(tmp_path / f"0.{suffix}", tmp_path / f"1.{suffix}")
    parts = [soundfile.read(tmp_path / f"{n}.{suffix}", dtype="float32")[0].T for n in (0, 1)]
    path = tmp_path / f"chain.{suffix}"
    path.write_bytes(b"".join((tmp_path / f"{n}.{suffix}").read_bytes() for n in (0, 1)))
    file = AudioFile(path)
    whole = torch.cat(list(file.blocks()), -1).numpy()
    np.testing.assert_array_equal(whole, np.concatenate(parts, -1))
    assert not file.warnings
    excerpt = read_excerpt(path, 0.7, 0.8, rate)
    np.testing.assert_allclose(excerpt, whole[:, 33_600:72_000], atol=1e-4)


def test_a_chain_ends_before_a_link_of_another_rate(tmp_path):
    for number, rate in enumerate((44_100, 48_000)):
        soundfile.write(tmp_path / f"{number}.ogg", small_song(0, 1.0), rate)
    content = [(tmp_path / f"{number}.ogg").read_bytes() for number in (0, 1)]
    (tmp_path / "chain.ogg").write_bytes(b"".join(content))
    file = AudioFile(tmp_path / "chain.ogg")
    assert sum(block.shape[1] for block in file.blocks()) == 44_100
    assert file.missing == ["chain.ogg breaks off after 1.0 s"]


def test_damage_inside_is_left_out_and_the_rest_is_read(tmp_path):
    """libsndfile stops at the damaged place."""
    path = tmp_path / "damaged.flac"
    soundfile.write(path, small_song(0, 6.0), RATE)
    whole = path.read_bytes()
    place = len(whole) // 3
    path.write_bytes(whole[:place] + bytes(3000) + whole[place + 3000 :])
    file = AudioFile(path)
    read = sum(block.shape[1] for block in file.blocks())
    assert 5.7 * RATE < read <= 6 * RATE
    (warning,) = file.missing
    assert warning.startswith("damaged.flac is damaged in one place, at 2.")


def test_joined_mp3_files_with_xing_headers_are_read_whole(tmp_path):
    """The header of the first declares its own length only."""
    path = tmp_path / "one.mp3"
    soundfile.write(path, small_song(0, 2.0), RATE)
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(path.read_bytes() * 2)
    file = AudioFile(joined)
    read = sum(block.shape[1] for block in file.blocks())
    assert abs(read - 2 * AudioFile(path).frames) < 0.1 * RATE
    assert abs(probe(joined).duration_s - read / RATE) < 0.03


@pytest.mark.parametrize("name", ["list.m3u8", "text.mp4", "page.webm"])
def test_files_that_name_other_files_are_not_followed(tmp_path, name):
    """FFmpeg would open playlists, and what they refer to."""
    soundfile.write(tmp_path / "song.wav", small_song(0, 1.0), RATE)
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsong.wav\n#EXT-X-ENDLIST\n"
    (tmp_path / name).write_text(text)
    with pytest.raises(SongError, match="cannot be read as sound"):
        AudioFile(tmp_path / name)
