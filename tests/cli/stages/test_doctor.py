"""Checks of `make doctor`."""

from ai_mixer.cli.stages import doctor


def test_no_check_fails_on_this_machine(capsys):
    assert doctor.main() == 0
    printed = capsys.readouterr().out
    assert "10 knobs" in printed
    assert "BAD" not in printed
    assert len(printed.splitlines()) == len(doctor.CHECKS)


def test_check_that_raises_is_bad(monkeypatch, capsys):
    def _failing():
        raise RuntimeError("reason")

    monkeypatch.setattr(doctor, "CHECKS", (_failing,))
    assert doctor.main() == 1
    assert capsys.readouterr().out == "BAD   failing: RuntimeError: reason\n"


def test_missing_music_folder_is_bad(monkeypatch):
    monkeypatch.setenv("AI_MIXER_MUSIC", "/no/such/folder")
    verdict, text = doctor._music()
    assert verdict == doctor.BAD
    assert "/no/such/folder" in text


def test_unset_music_folder_is_a_hint(monkeypatch):
    monkeypatch.delenv("AI_MIXER_MUSIC", raising=False)
    assert doctor._music()[0] == doctor.HINT


def test_missing_sound_font_is_bad(monkeypatch, tmp_path):
    import pretty_midi

    monkeypatch.setattr(pretty_midi, "__file__", str(tmp_path / "pretty_midi.py"))
    verdict, text = doctor._band()
    assert verdict == doctor.BAD
    assert "pip install" in text
