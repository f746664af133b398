"""Songs of several tracks: layouts of folders, manifests, other sources with stems."""

import pytest

from ai_mixer.data.musdb18 import Musdb18HQ
from ai_mixer.data.track_songs import track_songs
from ai_mixer.data.tracks import Tracks
from helpers.tracks import write, write_songs


def roles(song):
    return {track.name: track.role for track in song.tracks}


def only_song(root):
    (song,) = Tracks(root).track_songs()
    return song


def test_a_folder_per_song_with_the_artist_above(tmp_path):
    songs = Tracks(write_songs(tmp_path, seconds=1.0)).track_songs()
    assert len(songs) == 6
    assert {song.split for song in songs} == {"train", "val", "test"}
    song = songs[0]
    assert (song.id, song.group) == ("artist 0/song 0", "artist 0")
    assert roles(song) == {"bass": "bass", "gtr_left": "chords", "kick": "drums", "vox": "vocals"}
    assert (song.duration_s, song.sample_rate, song.channels) == (1.0, 44100, 2)


def test_the_folder_itself_may_be_the_song(tmp_path):
    for number, name in enumerate(("kick", "bass", "Final Mix")):
        write(tmp_path / f"{name}.wav", number)
    song = only_song(tmp_path)
    assert roles(song) == {"bass": "bass", "kick": "drums"}
    assert song.path.name == "Final Mix.wav"


def test_musdb18_hq(synthetic_dataset):
    songs = track_songs(Musdb18HQ(synthetic_dataset("musdb18hq")))
    assert {tuple(roles(song).values()) for song in songs} == {("bass", "drums", "other", "vocals")}
    assert songs[0].path.name == "mixture.wav"
    walked = Tracks(synthetic_dataset("musdb18hq")).track_songs()
    assert len(walked) == len(songs)
    assert roles(walked[0]) == roles(songs[0])


def test_medleydb_has_stems_raw_tracks_and_a_mix(tmp_path):
    song = tmp_path / "Artist_Song"
    write(song / "Artist_Song_MIX.wav", 0)
    for number in (1, 2):
        write(song / "Artist_Song_STEMS" / f"Artist_Song_STEM_0{number}.wav", number)
        write(song / "Artist_Song_RAW" / f"Artist_Song_RAW_0{number}_01.wav", number)
    (song / "Artist_Song_METADATA.yaml").write_text(
        "stems:\n  S01:\n    filename: Artist_Song_STEM_01.wav\n    instrument: electric bass\n"
        "  S02:\n    filename: Artist_Song_STEM_02.wav\n    instrument: male singer\n"
    )
    found = only_song(tmp_path)
    assert list(roles(found).values()) == ["bass", "vocals"]
    assert all("STEM" in track.path.name for track in found.tracks)
    assert found.path.name == "Artist_Song_MIX.wav"


def test_slakh_has_programs_of_general_midi(tmp_path):
    song = tmp_path / "Track00001"
    write(song / "mix.flac", 0)
    for number in range(3):
        write(song / "stems" / f"S0{number}.flac", number)
    (song / "MIDI").mkdir()
    (song / "metadata.yaml").write_text(
        "stems:\n  S00: {inst_class: Drums, program_num: 128, is_drum: true}\n"
        "  S01: {inst_class: Bass, program_num: 33, is_drum: false}\n"
        "  S02: {inst_class: Strings (continued), program_num: 48, is_drum: false}\n"
    )
    assert roles(only_song(tmp_path)) == {"S00": "drums", "S01": "bass", "S02": "pad"}


def test_moisesdb_has_a_folder_per_role(tmp_path):
    song = tmp_path / "0a1b2c"
    write(song / "drums" / "f0.wav", 0)
    write(song / "drums" / "f1.wav", 1)
    write(song / "bass" / "f2.wav", 2)
    (song / "data.json").write_text("{}")
    assert roles(only_song(tmp_path)) == {
        "bass/f2": "bass",
        "drums/f0": "drums",
        "drums/f1": "drums",
    }


def test_cambridge_has_raw_tracks_beside_a_mix(tmp_path):
    song = tmp_path / "Band_Title_Full"
    for number, name in enumerate(("01_KickIn", "02_ElecGtr1DI", "03_LeadVoxDT", "04_Take 7")):
        write(song / f"{name}.wav", number, channels=1)
    for number, name in enumerate(("Title_UnmasteredWAV", "Band_Title_Full_Preview"), start=4):
        write(song / f"{name}.wav", number)
    found = only_song(tmp_path)
    assert roles(found) == {
        "01_KickIn": "drums", "02_ElecGtr1DI": "chords", "03_LeadVoxDT": "vocals", "04_Take 7": None
    }  # fmt: skip
    assert found.path.name == "Band_Title_Full_Preview.wav"


def test_the_manifest_decides_where_it_lists_tracks(tmp_path):
    write_songs(tmp_path, songs=3, seconds=1.0)
    lines = ["file,song,role,group,fold,genre,artist,licence"]
    for n in range(3):
        for name, role in (("kick", "drums"), ("vox", "fx")):
            labels = f"group {n},{n},rock,Ann,CC0-1.0"
            lines.append(f"artist {n}/song {n}/{name}.wav,song {n},{role},{labels}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    songs = Tracks(tmp_path, fold=1).track_songs()
    assert [song.split for song in songs] == ["train", "test", "val"]
    assert [track.role for track in songs[0].tracks] == ["drums", "effects"]
    assert (songs[0].genre, songs[0].group) == ("rock", "group 0")
    assert (songs[0].artist, songs[0].licence) == ("Ann", "CC0-1.0")


def test_a_song_with_a_missing_track_is_skipped_and_named(tmp_path):
    write_songs(tmp_path, songs=2, seconds=1.0)
    (tmp_path / "manifest.csv").write_text(
        "file,song,role\nartist 0/song 0/kick.wav,one,drums\nartist 0/song 0/gone.wav,one,bass\n"
        "artist 1/song 1/kick.wav,two,drums\nartist 1/song 1/vox.wav,two,vocals\n"
    )
    source = Tracks(tmp_path)
    assert [song.id for song in source.track_songs()] == ["two"]
    assert any("one: its track gone cannot be read" in str(item) for item in source.skipped)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("file,song,role\nkick.wav,one,oboe d'amore\n", 'role "oboe d\'amore" is none of drums'),
        ("file,song,role,split\nkick.wav,one,drums,dev\n", "split must be one of train, val, test"),
    ],
)
def test_faults_of_a_manifest_are_named(tmp_path, manifest, message):
    write(tmp_path / "kick.wav")
    (tmp_path / "manifest.csv").write_text(manifest)
    with pytest.raises(ValueError, match=message):
        Tracks(tmp_path).track_songs()


def test_a_folder_without_songs_says_what_is_needed(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="put each song in a folder of its own"):
        Tracks(tmp_path).track_songs()
    monkeypatch.delenv("AI_MIXER_MUSIC", raising=False)
    with pytest.raises(ValueError, match=r"data\.root is not set"):
        Tracks()
    with pytest.raises(ValueError, match="no such folder"):
        Tracks(tmp_path / "gone")


def test_a_source_without_tracks_is_named(songs_folder):
    from ai_mixer.data.folder import Folder

    with pytest.raises(ValueError, match="the songs of Folder have no tracks"):
        track_songs(Folder(songs_folder))


def test_unreadable_tracks_are_left_out(tmp_path):
    root = write_songs(tmp_path, songs=1, seconds=1.0)
    (root / "artist 0" / "song 0" / "keys.wav").write_bytes(b"no audio")
    source = Tracks(root)
    (song,) = source.track_songs()
    assert len(song.tracks) == 4
    assert "keys.wav" in str(source.skipped[0])
