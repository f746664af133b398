"""MIDI files as songs: instruments and drums as dry tracks, roles, level and pan, faulty files."""

import numpy as np
import pretty_midi
import pytest
import soundfile

from ai_mixer.data.midi import Midi

DRUM_KEYS = (36, 38, 42, 76)  # kick, snare, hi-hat, wood block


def instrument(program, keys, *, drums=False, pan=None, volume=None):
    made = pretty_midi.Instrument(program, is_drum=drums)
    for number, key in enumerate(keys):
        start = 0.3 * number
        made.notes.append(pretty_midi.Note(100, key, start, start + 0.3))
    for controller, value in ((10, pan), (7, volume)):
        if value is not None:
            made.control_changes.append(pretty_midi.ControlChange(controller, value, 0.0))
    return made


def write_midi(file, *instruments):
    file.parent.mkdir(parents=True, exist_ok=True)
    score = pretty_midi.PrettyMIDI()
    score.instruments = list(instruments)
    score.write(str(file))
    return file


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("midi")
    drums = instrument(0, DRUM_KEYS, drums=True)
    bass = instrument(33, (36, 38), volume=127)
    quiet = instrument(33, (36, 38), volume=64)
    write_midi(root / "artist" / "one.mid", drums, bass, instrument(48, (60, 64), pan=0))
    write_midi(root / "artist" / "copy.MID", bass, quiet)
    (root / "artist" / "same.mid").write_bytes((root / "artist" / "one.mid").read_bytes())
    write_midi(root / "alone.mid", bass)
    (root / "text.mid").write_text("no MIDI")
    return Midi(root, root / "cache", duration_s=2.0, workers=1)


@pytest.fixture(scope="module")
def songs(source):
    return {song.id: song for song in source.track_songs()}


def audio(track):
    return soundfile.read(track.path, always_2d=True)[0].T


def test_instruments_and_pieces_of_the_kit_are_tracks_with_roles(songs):
    roles = {track.name[3:]: track.role for track in songs["artist/one"].tracks}
    assert roles == {
        "drums_kick": "drums",
        "drums_snare": "drums",
        "drums_hi-hat": "drums",
        "drums_percussion": "drums",
        "bass_electric_bass_finger": "bass",
        "pad_string_ensemble_1": "pad",
    }
    assert {song.group for song in songs.values()} == {"artist"}
    assert len({song.split for song in songs.values()}) == 1


def test_tracks_have_the_times_levels_and_pans_of_the_file(songs):
    kick, snare, *_, strings = (audio(track) for track in songs["artist/one"].tracks)
    assert np.abs(snare[:, : int(0.29 * 44100)]).max() == 0.0
    assert np.abs(kick[:, :2000]).max() > 0.01
    assert np.square(strings[0]).sum() > 5 * np.square(strings[1]).sum()
    total = sum(audio(track) for track in songs["artist/one"].tracks)
    assert 0.3 < np.abs(total).max() < 0.9
    loud, quiet = (audio(track) for track in songs["artist/copy"].tracks)
    difference_db = 10 * np.log10(np.square(loud).sum() / np.square(quiet).sum())
    assert difference_db == pytest.approx(40 * np.log10(127 / 64), abs=0.1)


def test_faulty_files_and_copies_are_skipped_and_named(source, songs):
    text = "\n".join(map(str, source.skipped))
    assert set(songs) == {"artist/one", "artist/copy"}
    assert "same: is the same file as artist/one" in text
    assert "alone.mid: has fewer than two instruments that sound" in text
    assert "text.mid: not readable as a MIDI file" in text


def test_a_second_call_renders_only_what_changed(source, songs):
    stamps = {t.path: t.path.stat().st_mtime_ns for t in songs["artist/one"].tracks}
    write_midi(source.root / "artist" / "copy.MID", instrument(0, (60,)), instrument(80, (72,)))
    again = {song.id: song for song in source.track_songs()}
    assert [track.role for track in again["artist/copy"].tracks] == ["chords", "lead"]
    assert {t.path: t.path.stat().st_mtime_ns for t in again["artist/one"].tracks} == stamps


def test_folders_without_songs_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"data\.root=.*gone: no such folder"):
        Midi(tmp_path / "gone", tmp_path)
    with pytest.raises(ValueError, match="no MIDI file with two instruments"):
        Midi(tmp_path, tmp_path / "cache").track_songs()
