"""The HTML report: notes, settings by section, plots."""

import re
from dataclasses import replace

import pytest
import soundfile
import torch
from matplotlib.figure import Figure

from ai_mixer import AudioMixer
from ai_mixer.mixing import compare, plots, render, report
from ai_mixer.mixing.descriptions import summary_line
from ai_mixer.mixing.enhance import enhance
from ai_mixer.mixing.match import match
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.preset import Preset, PresetSection, single_section_preset
from helpers.signals import noise

pytestmark = pytest.mark.usefixtures("packaged_models")


@pytest.fixture
def measurements(music):
    return measure([music], 44_100)


@pytest.mark.slow
def test_notes_are_in_the_report(tmp_path, music):
    hot = tmp_path / "hot.wav"
    soundfile.write(hot, (3.0 * music).clamp(-1, 1).T.numpy(), 44_100)
    for result in (
        enhance(hot, tmp_path / "enhanced.wav"),
        match(AudioMixer(), hot, hot, tmp_path / "matched.wav"),
    ):
        assert result.notes
        html = result.output.with_suffix(".html").read_text()
        assert all(f"<p class=note>{note}</p>" in html for note in result.notes)


def test_peaks_over_the_ceiling_after_encoding_are_noted(song, monkeypatch):
    monkeypatch.setattr(render, "MAX_ENCODING_ATTEMPTS", 1)
    monkeypatch.setattr(render, "ENCODER_PEAK_GAIN_DB", -1.0)  # a wrong correction
    mix = AudioMixer().mix_file(
        song, song.with_suffix(".mp3"), preset=single_section_preset({}, target_lufs=-8.0)
    )
    assert mix.after.true_peak_db > -0.9
    assert any("ceiling of −1.0" in note for note in mix.notes)


def visible_text(html):
    """Text of a page without scripts, styles and tags."""
    body = re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", body)


def test_negative_numbers_have_one_sign(song, tmp_path):
    """In the report, the notes and the line of the terminal: not both - and −."""
    options = MixOptions(fixed_settings={"low_eq": -2.5, "stereo_width": 0.9})
    hot = tmp_path / "hot.wav"
    soundfile.write(hot, (4.0 * noise(2, 44_100, level=1.0)).clamp(-1, 1).T.numpy(), 44_100)
    for result in (
        AudioMixer().mix_file(song, mix_options=options, target_lufs=-15.0, ceiling_db=-1.5),
        AudioMixer().master(song, reference=hot, ceiling_db=-2.5),
    ):
        texts = [visible_text(result.output.with_suffix(".html").read_text()), *result.notes]
        texts.append(summary_line(result.before, result.after, [], result.reduction_db))
        for text in texts:
            assert not re.search(r"(?<![\w-])-\d", text), text
        assert "−" in texts[0]


def test_preset_has_model_name_and_display_name(song):
    preset = AudioMixer().mix_file(song, model="ast_regressor").preset
    assert preset.about == "mixed by AST Regressor"
    assert preset.model == "ast_regressor"


def test_a_console_of_many_knobs_lists_the_changed_ones(song, measurements):
    """Each by a name of its own: the four bells of a master are told apart by their frequency."""
    console = named_console("mastering")
    changed = {"band1_gain": 1.5, "band2_gain": -2.0, "band2_frequency": 500.0, "low_cut": 30.0}
    settings = {name: knob.neutral for name, knob in console.knobs.items()} | changed
    preset = Preset((PresetSection(0.0, settings),), console=console)
    html = report.to_html(MixResult(song, song, preset, measurements, measurements, []))
    for label in ("bell at 140 Hz", "bell at 500 Hz", "low cut"):
        assert html.count(f"<td class=n>{label}</td>") == 1
    assert "<td class=n>+1.5 dB, Q 1</td>" in html
    assert f"<td class=n>14 others</td><td class=n>{report.UNCHANGED}</td>" in html
    assert "compressor" not in html


def test_each_section_has_a_row(song, measurements):
    sections = [PresetSection(0.0, {"low_eq": 1.5}), PresetSection(75.0, {"low_eq": 0.0})]
    result = MixResult(song, song, Preset(tuple(sections)), measurements, measurements, [])
    html = report.to_html(result)
    assert "<td class=n>0:00</td><td class=n>bass (below 120 Hz) +1.5 dB</td>" in html
    assert f"<td class=n>1:15</td><td class=n>{report.UNCHANGED}</td>" in html
    assert html.count("<table>") == 3


def test_time_ticks_are_within_the_plot(measurements):
    for duration_s in (240.003, 240.0, 359.9, 3 * 3600.0):
        svg = plots.loudness_svg(*[replace(measurements, duration_s=duration_s)] * 2)
        ticks = re.findall(r'<text x="([\d.]+)"[^>]*>(\d+) min', svg)
        assert ticks
        for x, text in ticks:
            half_width = (len(text) + 4) * 3.5  # of text at 12 px
            assert half_width <= float(x) <= plots.WIDTH - half_width


def test_silence_is_noted_in_the_report(tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, torch.zeros(8000, 2).numpy(), 8000)
    result = AudioMixer().mix_file(silence)
    assert "silent" in result.output.with_suffix(".html").read_text()


def test_the_plot_of_a_comparison_has_the_changes_first_and_units(
    song, measurements, tmp_path, monkeypatch
):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path: figures.append(figure))
    result = MixResult(song, song, single_section_preset({}), measurements, measurements, [])
    compare.plot_comparison(song, {"ast_regressor": result}, tmp_path / "plot.png")
    changes, *others = figures[0].axes
    assert changes.get_title() == "Changes of the spectrum"
    assert changes.get_ylabel() == "change, dB"
    assert changes.get_ylim() == (-12.0, 12.0)
    assert [axes.get_title() for axes in others] == ["Original", "AST Regressor"]
    for axes in others:
        assert axes.get_xlabel() == "time, s"
        assert all("Hz" in text.get_text() for text in axes.get_yticklabels())
