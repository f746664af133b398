"""Everything that mixes with the model of a run uses the run's console and ranges."""

import csv
import json
from dataclasses import asdict

import pytest
import torch
from omegaconf import OmegaConf
from typer.testing import CliRunner

from ai_mixer import AudioMixer, load_model
from ai_mixer.audio import AudioFile
from ai_mixer.cli.app import app
from ai_mixer.config.allowed_targets import config_from_card
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import console_of, default_console
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.render import mixed_blocks
from ai_mixer.tracking import save_model

RATE = 44_100
POSITION = 0.85  # of every knob, in all predictions
AIR = {
    "name": "air",
    "effect": {
        "_target_": "ai_mixer.effects.shelf.Shelf",
        "kind": "high",
        "frequency_hz": 12_000,
    },
    "knobs": {"gain_db": {"name": "air", "unit": "dB", "scale": "linear", "neutral": 0}},
}
pytestmark = pytest.mark.usefixtures("packaged_models")


@pytest.fixture(scope="module")
def make_run(compose, tmp_path_factory):
    """A function: change of the console's config, overrides → folder of a model that uses it."""

    def make(change=lambda console: None, *overrides):
        cfg = compose("model=mean_knobs", "loader.excerpt_s=1", *overrides)
        groups = ("model", "loader", "console")
        config = {group: OmegaConf.to_container(cfg[group], resolve=True) for group in groups}
        change(config["console"])
        console = build_console(config_from_card(config))
        model = build_model(config_from_card(config), console)
        torch.nn.init.constant_(model.positions, POSITION)
        names = console.names
        card = {"config": config, "knobs": [asdict(knob) for knob in console.knobs]}
        card |= {"trained": names, "mean_knobs": dict.fromkeys(names, 0.5)}
        return save_model(tmp_path_factory.mktemp("run"), model.state_dict(), card)

    return make


def own_console(console):
    """No reverb, a knob more, a wider range, another delay time."""
    console["chain"] = [entry for entry in console["chain"] if entry["name"] != "reverb"]
    console["chain"].append(AIR)
    del console["ranges"]["reverb"]
    console["ranges"] |= {"air": [-3, 9], "low_eq": [-12, 12]}
    next(e for e in console["chain"] if e["name"] == "delay")["effect"]["delay_ms"] = 200


@pytest.fixture(scope="module")
def run(make_run):
    return make_run(own_console)


def rendered(song, preset):
    file = AudioFile(song)
    before = measure(file.blocks(), file.sample_rate)
    return torch.cat(list(mixed_blocks(file, preset, before)), -1)


def test_a_mix_is_rendered_by_the_console_of_the_run(run, song, music):
    result = AudioMixer(str(run)).mix_file(song, force=True)
    predictor = load_model(run)
    settings = result.preset.settings
    assert list(settings) == predictor.console.names
    assert settings["air"] == pytest.approx(-3 + POSITION * 12)
    assert result.preset.sections[0].predicted["low_eq"] == pytest.approx(-12 + POSITION * 24)
    samples = torch.cat(list(AudioFile(song).blocks()), -1)[None]
    expected = predictor.console(samples, RATE, predictor.console.knobs_from(settings), limit=False)
    torch.testing.assert_close(rendered(song, result.preset), expected[0], atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_preset_of_a_run_gives_the_same_samples_without_the_run(run, song, tmp_path):
    result = AudioMixer(str(run)).mix_file(song, tmp_path / "a.wav")
    loaded = presets.load_preset(tmp_path / "a.json")
    assert loaded.settings == result.preset.settings
    assert rendered(song, loaded).equal(rendered(song, result.preset))
    AudioMixer().mix_file(song, tmp_path / "b.wav", preset=loaded)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    "ranges",
    ["gentle", *(pytest.param(name, marks=pytest.mark.slow) for name in ("musical", "wide"))],
)
def test_a_run_with_the_default_chain_needs_no_console_in_its_presets(make_run, ranges, song):
    """Its settings are in physical units; its ranges limit the options."""
    folder = make_run(lambda console: None, f"ranges={ranges}")
    console = console_of(load_model(folder))
    assert console.entry == "classic"
    result = AudioMixer(str(folder)).mix_file(song, mix_options=MixOptions(style="creative"))
    for name, knob in console.knobs.items():
        assert knob == load_model(folder).console.knobs[[*console.knobs].index(name)]
        assert knob.low <= result.preset.settings[name] <= knob.high


def test_ranges_of_an_option_are_within_those_of_the_run(make_run, run):
    gentle = console_of(load_model(make_run(lambda console: None, "ranges=gentle")))
    assert gentle.limits("musical")["low_eq"] == (-2, 2)
    assert gentle.limits("wide")["low_eq"] == (-2, 2)
    own = console_of(load_model(run))
    assert own.limits("musical")["low_eq"] == (-3, 3)
    assert own.limits("musical")["air"] == (-3, 9)
    assert own.limits("wide")["low_eq"] == (-12, 12)


def test_settings_are_applied_with_the_console_of_the_run(run, music):
    settings = {"air": 6.0, "delay": 0.4}
    mix = AudioMixer(str(run)).apply_mixing_parameters(music, RATE, settings)
    console = load_model(run).console
    expected = console(music[None], RATE, console.knobs_from(settings))[0]
    torch.testing.assert_close(mix, expected, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="no knob named 'air'"):
        AudioMixer().apply_mixing_parameters(music, RATE, settings)


def test_options_name_the_knobs_of_the_run(run, song, tmp_path):
    def mix(*options):
        words = ["mix", str(song), "--model", str(run), "-o", str(tmp_path / "x.wav"), "--force"]
        return CliRunner().invoke(app, [*words, *options])

    assert mix("--set", "air=2.5", "--amount", "air=0.5", "--only", "air,eq").exit_code == 0
    data = json.loads((tmp_path / "x.json").read_text())
    assert data["settings"]["air"] == 2.5
    assert data["settings"]["delay"] == 0.0
    assert data["predicted"]["air"] == pytest.approx(-3 + POSITION * 12)
    for words, message in {
        ("--set", "air=20"): "air is 20 dB: it goes from -3 to 9",
        ("--set", "reverb=0.1"): "no knob named 'reverb': the knobs are input_gain",
        ("--only", "reverb"): "no group or knob 'reverb': the groups are gain",
        ("--amount", "airs=0.5"): "no group or knob 'airs'",
    }.items():
        result = mix(*words)
        assert isinstance(result.exception, ValueError)
        assert message in str(result.exception)
        assert "\n" not in str(result.exception)


@pytest.mark.slow
def test_match_fits_the_knobs_of_the_run(run, song, tmp_path):
    words = ["match", str(song), str(song), "--model", str(run), "-o", str(tmp_path / "x.wav")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    preset = presets.load_preset(tmp_path / "x.json")
    assert list(preset.settings) == load_model(run).console.names


@pytest.mark.slow
def test_the_report_shows_both_stages_of_every_knob(run, song, tmp_path):
    AudioMixer(str(run)).mix_file(song, tmp_path / "x.wav")
    report = (tmp_path / "x.html").read_text()
    assert "<th>predicted</th><th>applied</th>" in report
    cells = {"bass (below 120 Hz)": ("+8.4 dB", "+3.0 dB"), "air": ("+7.2 dB", "+7.2 dB")}
    for label, values in cells.items():
        assert "".join(f"<td class=n>{text}</td>" for text in (label, *values)) in report
    loaded = presets.load_preset(tmp_path / "x.json")
    AudioMixer().mix_file(song, tmp_path / "y.wav", preset=loaded)
    assert "<th>setting</th>" in (tmp_path / "y.html").read_text()


@pytest.mark.slow
def test_models_with_different_consoles_are_compared(run, song, tmp_path):
    folder = tmp_path / "compared"
    words = ["compare", str(song), "-o", str(folder), "--model", "ast_regressor"]
    result = CliRunner().invoke(app, [*words, "--model", str(run)])
    assert result.exit_code == 0, result.output
    with (folder / "settings.csv").open() as file:
        packaged, own = csv.DictReader(file)
    assert (packaged["air"], own["reverb"]) == ("", "")
    assert float(own["air"]) == float(own["predicted_air"])
    assert float(packaged["reverb"]) == 0.0


@pytest.mark.parametrize(
    ("console", "message"),
    [
        ("unknown", "must be classic"),
        (3, "must be classic"),
        ([], "must be classic"),
        ({}, "cannot be built"),
        ({"_target_": "os.system", "command": "true"}, "os.system is neither"),
        ({"_target_": "ai_mixer.console.Console", "chain": []}, "cannot be built"),
        (
            {"_target_": "ai_mixer.console.Console", "limiter": {"_target_": "ai_mixer.data.X"}},
            "ai_mixer.data.X is neither",
        ),
        ({"_target_": "ai_mixer.console.Console", "ranges": "${oc.env:HOME}"}, "cannot be built"),
    ],
)
def test_a_preset_with_another_console_is_refused_in_one_line(console, message, tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"format": 1, "console": console, "settings": {}}))
    with pytest.raises(ValueError, match=f"^[^\n]*{message}[^\n]*$"):
        presets.load_preset(file)


def test_presets_without_a_model_are_of_the_default_console(tmp_path):
    preset = presets.single_section_preset({"low_eq": 1.0})
    assert preset.console is default_console()
    presets.save_preset(preset, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text())["console"] == "classic"
