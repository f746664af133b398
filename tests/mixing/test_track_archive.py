"""Zip files of tracks: what is unpacked, what is refused, and that nothing is left behind."""

import stat
import zipfile
from functools import partial
from tempfile import TemporaryDirectory

import pytest

from ai_mixer.mixing import track_archive
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.track_archive import unpacked_archives
from ai_mixer.utils import unfinished
from helpers.tracks import write


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """An empty folder for temporary files, which is empty again afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    own = partial(TemporaryDirectory, dir=folder)
    monkeypatch.setattr(unfinished, "TemporaryDirectory", own)
    yield folder
    assert list(folder.iterdir()) == []


def pack(path, *entries):
    """A zip file of (name or ZipInfo, bytes)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def unpacked(path):
    with unpacked_archives([path]) as (folder,):
        return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.*"))


def test_a_zip_of_tracks_is_mixed_beside_it(tmp_path):
    kick = write(tmp_path / "kick.wav", 0, seconds=0.5).read_bytes()
    vox = write(tmp_path / "vox.wav", 1, seconds=0.5).read_bytes()
    song = pack(tmp_path / "song.zip", ("My Song/drums/a.wav", kick), ("My Song/vox.wav", vox))
    result = AudioMixer().mix_tracks([song])
    assert result.output == tmp_path / "song_mixed.wav"
    assert {track["name"]: track["role"] for track in result.settings["tracks"]} == {
        "a.wav": "drums",
        "vox.wav": "vocals",
    }


def test_only_audio_and_metadata_are_unpacked(tmp_path):
    names = ["a.wav", "__MACOSX/._a.wav", ".hidden/b.wav", "._a.wav", "notes.pdf", "Song\\c.FLAC"]
    path = pack(tmp_path / "song.zip", *((name, b"x") for name in [*names, "metadata.yaml"]))
    assert unpacked(path) == ["Song/c.FLAC", "a.wav", "metadata.yaml"]


def test_an_error_of_a_file_names_the_zip_file(tmp_path):
    path = pack(tmp_path / "song.zip", ("kick.wav", b"no audio"))
    with pytest.raises(ValueError, match=r"^/[^ ]*/song\.zip/kick\.wav: ") as caught:
        AudioMixer().mix_tracks([path], tmp_path / "mix.wav")
    assert "temporary" not in str(caught.value)


def link():
    entry = zipfile.ZipInfo("kick.wav")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize("name", ["../a.wav", "x/../../a.wav", "/a.wav", "..\\a.wav", "C:\\a.wav"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    path = pack(tmp_path / "song.zip", ("kick.wav", b"x"), (name, b"x"))
    with pytest.raises(ValueError, match=r"song\.zip: .*a\.wav' leads out of the file"):
        unpacked(path)


def test_links_and_names_given_twice_are_refused(tmp_path):
    with pytest.raises(ValueError, match="leads out"):
        unpacked(pack(tmp_path / "link.zip", (link(), b"/etc/passwd")))
    twice = pack(tmp_path / "twice.zip", ("a.wav", b"x"), ("./a.wav", b"y"))
    with pytest.raises(ValueError, match=r"has \./a\.wav twice"):
        unpacked(twice)


def test_sizes_are_limited(tmp_path, monkeypatch):
    path = pack(tmp_path / "song.zip", *((f"{number}.wav", bytes(1000)) for number in range(4)))
    monkeypatch.setattr(track_archive, "MAX_UNPACKED_BYTES", 3999)
    with pytest.raises(ValueError, match=r"song\.zip: unpacks to 0\.0 GB, the limit is .*folder"):
        unpacked(path)
    monkeypatch.setattr(track_archive, "MAX_ENTRIES", 3)
    with pytest.raises(ValueError, match="has 4 entries, the limit is 3: put only the tracks"):
        unpacked(path)


def test_files_that_are_no_zip_or_damaged_or_encrypted_are_refused(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip file")
    with pytest.raises(ValueError, match=r"no\.zip: cannot be unpacked .*pack it again"):
        unpacked(tmp_path / "no.zip")
    path = pack(tmp_path / "damaged.zip", ("kick.wav", bytes(range(256)) * 40))
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.zip: cannot be unpacked"):
        unpacked(path)
    path = pack(tmp_path / "locked.zip", ("kick.wav", b"x"))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"locked\.zip: is encrypted: unpack it"):
        unpacked(path)
    with pytest.raises(ValueError, match=r"empty\.zip: no audio files in it"):
        unpacked(pack(tmp_path / "empty.zip", ("notes.txt", b"x")))
