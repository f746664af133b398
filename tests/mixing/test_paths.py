"""No file is lost: inputs, results, settings and reports of one command are different files."""

import os

import pytest

from ai_mixer.mixing.paths import (
    check_not_existing,
    check_outputs,
    check_songs,
    distinct_result_files,
    model_files,
    result_drafts,
    result_files,
)


def refused(outputs, inputs=()):
    with pytest.raises(OSError, match=outputs[-1].name) as error:
        check_outputs(outputs, inputs)
    assert "\n" not in str(error.value)
    return error.value.strerror


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "song.wav"
    path.write_bytes(b"sound")
    return path


@pytest.mark.parametrize("make", [os.link, os.symlink], ids=["hard link", "symlink"])
def test_an_output_that_leads_to_an_input_is_refused(file, make):
    make(file, file.with_name("other.wav"))
    assert "input" in refused([file.with_name("other.wav")], [file])


def test_an_output_in_a_linked_folder_is_compared_by_its_real_path(file, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert "input" in refused([tmp_path / "link" / "song.wav"], [file])
    missing = tmp_path / "missing.wav"
    assert "input" in refused([tmp_path / "link" / "missing.wav"], [missing])
    assert "two results" in refused([missing, tmp_path / "link" / "missing.wav"])


def test_two_outputs_that_differ_only_in_case_are_refused(tmp_path):
    assert "two results" in refused([tmp_path / "Größe.json", tmp_path / "GRÖSSE.json"])
    assert "two results" in refused([tmp_path / "e\u0301.json", tmp_path / "\u00e9.json"])


def test_links_to_nothing_devices_and_folders_are_no_outputs(tmp_path):
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "unmounted" / "mix.wav")
    assert "does not exist" in refused([link])
    assert "folder" in refused([tmp_path])
    os.mkfifo(tmp_path / "pipe.wav")
    assert "regular" in refused([tmp_path / "pipe.wav"])
    with pytest.raises(FileExistsError):
        check_not_existing([link], force=False)


def test_the_files_of_a_model_are_inputs(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    outputs = result_files(tmp_path / "model.wav").paths()
    with pytest.raises(OSError, match=r"model\.json"):
        check_outputs(outputs, model_files(str(tmp_path)))
    assert model_files("baseline_cnn") == model_files(None) == []


def test_a_folder_is_no_song(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_songs([tmp_path])


def test_results_of_one_command_have_different_files(tmp_path):
    names = ["take_mixed.wav", "take_mixed.flac", "TAKE_mixed.wav", "a.wav"]
    files = distinct_result_files([tmp_path / name for name in names])
    check_outputs([path for result in files for path in result.paths()], [])
    assert [result.audio.name for result in files] == [
        *("take_mixed.wav", "take_mixed.flac", "TAKE_mixed_2.wav", "a.wav")
    ]
    assert files[1].settings == tmp_path / "take_mixed.flac.json"
    assert files[3].settings == tmp_path / "a.json"


def test_the_files_of_a_result_are_written_together_or_not_at_all(tmp_path):
    files = result_files(tmp_path / "mix.wav")

    def write():
        with result_drafts(files, overwrite=False) as drafts:
            for draft in drafts.paths():
                draft.write_text("new")
            files.audio.write_text("first")  # by another process

    with pytest.raises(FileExistsError, match="first"):
        write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"mix.wav": "first"}
    with result_drafts(files, overwrite=True) as drafts:
        for draft in drafts.paths():
            draft.write_text("new")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"new"}
    assert len(list(tmp_path.iterdir())) == 3
