"""`ai-mixer mix --tracks`: files and folders of one song, its options, errors in one line."""

import json
import zipfile

import pytest

from helpers.tracks import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("tracks") / "My Song"
    for number, name in enumerate(("kick", "bass", "vox")):
        write(root / f"{name}.wav", number, seconds=1.0)
    return root


def test_a_folder_is_one_song_and_the_mix_is_written_beside_it(ai_mixer, folder):
    done = ai_mixer(
        "mix",
        "--tracks",
        folder,
        "--role",
        "vox=lead",
        "--pan",
        "bass.wav=-0.25",
        "--set",
        "vox.wav:fader_db=-3dB",
        "--set",
        "low_cut_hz=40",
    )
    assert done.code == 0, done.err
    output = folder.parent / "My Song_mixed.wav"
    assert output.exists()
    assert "3 tracks" in done.out
    settings = json.loads(output.with_suffix(".json").read_text())["settings"]["tracks"]
    by_name = {track["name"]: track for track in settings}
    assert by_name["vox.wav"]["role"] == "lead"
    assert by_name["bass.wav"]["pan"] == pytest.approx(-0.25)
    assert by_name["vox.wav"]["fader_db"] == pytest.approx(-3.0, abs=1e-4)
    assert [track["low_cut_hz"] for track in settings] == pytest.approx([40.0] * 3, rel=1e-4)
    assert output.with_suffix(".html").exists()


def test_files_are_one_song_with_stems(ai_mixer, folder, tmp_path):
    files = [folder / "kick.wav", folder / "vox.wav"]
    options = ["-o", tmp_path / "out.flac", "--stems", tmp_path / "stems", "--target", "-20"]
    done = ai_mixer("mix", "--tracks", *files, *options)
    assert done.code == 0, done.err
    assert "-20.0 LUFS" in done.out
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["kick.wav", "vox.wav"]


def test_a_zip_file_needs_no_option(ai_mixer, folder, tmp_path):
    song = tmp_path / "song.zip"
    with zipfile.ZipFile(song, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    done = ai_mixer("mix", song, "--mute", "vox", "--mute", "bass")
    assert done.code == 0, done.err
    assert "1 tracks" in done.out
    assert (tmp_path / "song_mixed.wav").exists()
    for words in ([song, "--daw"], [song, folder / "kick.wav"]):
        refused = ai_mixer("mix", *words)
        assert refused.code != 0
        assert refused.err.count("song.zip: ") == refused.err.strip().count("\n") + 1 == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tracks", "--style", "warm"], "--style is not available with --tracks"),
        (["--tracks", "--set", "vox:fader_db=-90"], "vox.wav: fader_db is -90 dB: it goes from"),
        (["--tracks", "--set", "vox:tuba=1"], "vox.wav: no knob named 'tuba'"),
        (["--tracks", "--set", "cello:pan=1"], "--set cello: no track of this name"),
        (["--tracks", "--amount", "tuba=1"], "no group or knob 'tuba'"),
        (["--tracks", "--adaptive"], "--adaptive is not available with --tracks"),
        (["--tracks", "--role", "vox"], "give FILE=ROLE"),
        (["--tracks", "--mute", "cello"], "no track of this name"),
        (["--tracks", "--model", "ast_regressor"], "a model of one stereo file"),
        (["--tracks", "--start", "cello=1"], "--start cello: no track of this name"),
        (["--start", "vox.wav=1"], "--start needs --tracks"),
        (["--lead", "vox.wav"], "--lead needs --tracks"),
        ([], "--tracks"),
    ],
)
def test_errors_are_one_line(ai_mixer, folder, tmp_path, words, message):
    done = ai_mixer("mix", folder, "-o", tmp_path / "x.wav", *words)
    assert done.code != 0
    assert message in done.err
    assert done.err.strip().count("\n") <= 1
