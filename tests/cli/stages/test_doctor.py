"""The doctor runs, finds this machine fit, and names what is wrong."""

from ai_mixer.cli.stages import doctor


def test_this_machine_is_fit(capsys):
    assert doctor.main() == 0
    printed = capsys.readouterr().out
    assert "10 knobs" in printed
    assert "BAD" not in printed
    assert len(printed.splitlines()) == len(doctor.CHECKS)


def test_a_check_that_breaks_is_a_finding(monkeypatch, capsys):
    def _oven():
        raise RuntimeError("cold")

    monkeypatch.setattr(doctor, "CHECKS", (_oven,))
    assert doctor.main() == 1
    assert capsys.readouterr().out == "BAD   oven: RuntimeError: cold\n"


def test_a_wrong_music_folder_is_bad(monkeypatch):
    monkeypatch.setenv("AI_MIXER_MUSIC", "/no/such/folder")
    verdict, sentence = doctor._music()
    assert verdict == doctor.BAD
    assert "/no/such/folder" in sentence


def test_without_music_it_hints(monkeypatch):
    monkeypatch.delenv("AI_MIXER_MUSIC", raising=False)
    assert doctor._music()[0] == doctor.HINT


def test_a_missing_sound_font_says_the_way_out(monkeypatch, tmp_path):
    import pretty_midi

    monkeypatch.setattr(pretty_midi, "__file__", str(tmp_path / "pretty_midi.py"))
    verdict, sentence = doctor._band()
    assert verdict == doctor.BAD
    assert "pip install" in sentence
