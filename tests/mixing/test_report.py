"""The report says what a musician has to know, where it can be read."""

import re
from dataclasses import replace

import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.mixing import plots, render, report
from ai_mixer.mixing.enhance import enhance
from ai_mixer.mixing.match import match
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.preset import Preset, PresetSection, single_section_preset

pytestmark = pytest.mark.usefixtures("packaged_models")


@pytest.fixture
def figures(music):
    return measure([music], 44_100)


def told(path, figures, *sections):
    preset = Preset(tuple(PresetSection(s, {"low_eq": db, "delay": 0.0}) for s, db in sections))
    return report.to_html(MixResult(path, path, preset, figures, figures, []))


def test_what_is_said_on_the_terminal_is_on_the_page(tmp_path, music):
    hot = tmp_path / "hot.wav"
    soundfile.write(hot, (3.0 * music).clamp(-1, 1).T.numpy(), 44_100)
    for outcome in (
        enhance(hot, tmp_path / "enhanced.wav"),
        match(AudioMixer(), hot, hot, tmp_path / "matched.wav"),
    ):
        assert outcome.notes
        page = outcome.output.with_suffix(".html").read_text()
        assert all(f"<p class=note>{note}</p>" in page for note in outcome.notes)


def test_an_encoder_that_passes_the_ceiling_is_told(song, monkeypatch):
    monkeypatch.setattr(render, "MAX_ENCODING_ATTEMPTS", 1)
    monkeypatch.setattr(render, "ENCODER_PEAK_GAIN_DB", -1.0)  # as if encoders took peaks away
    mix = AudioMixer().mix_file(
        song, song.with_suffix(".mp3"), preset=single_section_preset({}, target=-8.0)
    )
    assert mix.after.true_peak_db > -0.9
    assert any("over the ceiling of -1.0" in note for note in mix.notes)


def test_models_have_the_names_that_people_read(song):
    outcome = AudioMixer().mix_file(song, model="ast_regressor")
    assert outcome.preset.about == "mixed by AST Regressor"
    assert outcome.preset.model == "ast_regressor"


def test_sections_are_a_line_each(song, figures):
    page = told(song, figures, (0.0, 1.5), (75.0, 0.0))
    assert "<td class=n>0:00</td><td class=n>bass (below 120 Hz) +1.5 dB</td>" in page
    assert "<td class=n>1:15</td><td class=n>as it was</td>" in page
    assert page.count("<table>") == 2


def test_marks_of_time_lie_within_the_picture(figures):
    for duration_s in (240.003, 240.0, 359.9, 3 * 3600.0):
        drawn = plots.loudness_svg(*[replace(figures, duration_s=duration_s)] * 2)
        marks = re.findall(r'<text x="([\d.]+)"[^>]*>(\d+) min', drawn)
        assert marks
        for x, text in marks:
            half = (len(text) + 4) * 3.5  # of text at 12 px
            assert half <= float(x) <= plots.WIDTH - half


def test_a_silent_song_has_its_report(tmp_path):
    still = tmp_path / "still.wav"
    soundfile.write(still, torch.zeros(8000, 2).numpy(), 8000)
    outcome = AudioMixer().mix_file(still)
    assert "the song is silent" in outcome.output.with_suffix(".html").read_text()
