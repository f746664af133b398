"""`master`: tone, dynamics, width and loudness, with and without a reference."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from tests.inference.test_knob_fitting import song as bursts

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.spectra import third_octave_db
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.mixing.master_settings import compressor_settings, master_settings
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.preset import load_preset
from ai_mixer.mixing.typical_balance import TYPICAL_BANDS_DB

RATE = 44_100
CONSOLE = named_console("mastering")


def write(path, audio):
    soundfile.write(path, audio.T.numpy(), RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A song, and a reference: another passage, brighter by a shelf and wider."""
    folder = tmp_path_factory.mktemp("songs")
    settings = {"high_shelf_gain": 5.0, "high_width": 1.6}
    knobs = CONSOLE.console.knobs_from(settings)
    bright = CONSOLE.console(bursts(7, 6.0, RATE)[None], RATE, knobs, limit=False)[0]
    return write(folder / "song.wav", 0.5 * bursts(3, 6.0, RATE)), write(
        folder / "ref.wav", 0.2 * bright
    )


def measured(file):
    song = AudioFile(file)
    return measure(song.blocks(), song.sample_rate)


def balance_db(file):
    """Third-octave levels above 400 Hz, without their mean: [2, bands]."""
    audio = torch.from_numpy(soundfile.read(file)[0].T).float()
    levels = third_octave_db(torch.stack([audio.mean(0), (audio[0] - audio[1]) / 2])[None], RATE)[0]
    return levels[:, 11:] - levels[:, 11:].mean()


def test_a_master_reaches_loudness_and_ceiling_and_its_preset_loads(files, tmp_path):
    result = AudioMixer().master(files[0], tmp_path / "m.wav", target_lufs=-19.0, ceiling_db=-1.5)
    after = measured(tmp_path / "m.wav")
    assert after.loudness_lufs == pytest.approx(-19.0, abs=0.2)
    assert after.true_peak_db <= -1.5
    preset = load_preset(tmp_path / "m.json")
    assert preset.console is CONSOLE
    assert preset.settings == result.preset.settings


def test_a_reference_brings_tone_width_and_loudness_closer(files, tmp_path):
    song, reference = files
    AudioMixer().master(song, tmp_path / "m.wav", reference=reference)
    wanted = balance_db(reference)
    before, after = ((balance_db(f) - wanted).abs().mean() for f in (song, tmp_path / "m.wav"))
    assert after < 0.6 * before
    loudness = measured(tmp_path / "m.wav").loudness_lufs
    assert loudness == pytest.approx(measured(reference).loudness_lufs, abs=0.3)


@pytest.mark.slow
def test_amount_0_and_fixed_settings_are_obeyed(files, tmp_path):
    options = MixOptions(0.0, fixed_settings={"band3_gain": 2.0})
    result = AudioMixer().master(
        files[0], tmp_path / "m.wav", reference=files[1], mix_options=options
    )
    neutral = {name: knob.neutral for name, knob in CONSOLE.knobs.items()}
    assert result.preset.settings == pytest.approx(neutral | {"band3_gain": 2.0}, abs=1e-3)


def test_a_louder_song_is_not_turned_down_unless_asked(tmp_path):
    loud = write(tmp_path / "loud.wav", 0.4 * torch.tanh(8 * bursts(1, 3.0, RATE)))
    before = measured(loud).loudness_lufs
    assert before > -14
    none = MixOptions(0.0)
    AudioMixer().master(loud, tmp_path / "kept.wav", mix_options=none)
    AudioMixer().master(loud, tmp_path / "asked.wav", mix_options=none, target_lufs=-16.0)
    assert measured(tmp_path / "kept.wav").loudness_lufs == pytest.approx(before, abs=0.5)
    assert measured(tmp_path / "asked.wav").loudness_lufs == pytest.approx(-16.0, abs=0.2)


def test_silence_stays_silent(tmp_path):
    silent = write(tmp_path / "silent.wav", torch.zeros(2, 2 * RATE))
    AudioMixer().master(silent, tmp_path / "m.wav")
    assert not soundfile.read(tmp_path / "m.wav")[0].any()


@pytest.mark.parametrize("wanted_db", [0.1, 1.0, 3.0])
def test_the_compressor_reduces_peaks_by_what_is_wanted(wanted_db):
    neutral = {name: knob.neutral for name, knob in CONSOLE.knobs.items()}
    settings = compressor_settings(CONSOLE.console, bursts(2, 4.0, RATE), neutral, wanted_db)
    if wanted_db < 0.3:
        assert settings == {}
        return
    arguments = {
        name.removeprefix("compressor_"): torch.tensor([value]) for name, value in settings.items()
    }
    reduction_db = Dynamics().gain_reduction_db(
        bursts(2, 4.0, RATE)[None],
        RATE,
        threshold_db=arguments["threshold"],
        ratio=arguments["ratio"],
        attack_ms=arguments["attack"],
        release_ms=arguments["release"],
        knee_db=arguments["knee"],
        makeup_db=torch.zeros(1),
    )
    assert np.quantile(reduction_db, 0.95) == pytest.approx(wanted_db, abs=0.05)


@pytest.mark.parametrize(("highs_db", "raised"), [(-45.0, True), (-21.0, False)])
def test_treble_is_raised_only_where_it_is_untypical(files, highs_db, raised):
    typical = {name: middle for name, (_, middle, _) in TYPICAL_BANDS_DB.items()}
    before = replace(measured(files[0]), bands_db=typical | {"highs": highs_db})
    settings = master_settings(AudioFile(files[0]), before, CONSOLE.console)
    assert (settings["high_shelf_gain"] > 1.0) is raised
    assert settings["low_shelf_gain"] == pytest.approx(0.0, abs=0.6)


def test_a_model_of_another_console_is_one_line(files, packaged_models):
    name = AudioMixer().models[0]
    with pytest.raises(ValueError, match=r"not trained with console=mastering"):
        AudioMixer(name).master(files[0])
