"""References of a mix: weights, aspects, loudness, width, the matching equaliser."""

import json

import numpy as np
import pytest
import soundfile
import torch
from tests.inference.test_knob_fitting import song as bursts

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.spectra import third_octave_db
from ai_mixer.inference.matching_curve import long_term_levels
from ai_mixer.mixing.excerpts import read_excerpts
from ai_mixer.mixing.master import master as master_file
from ai_mixer.mixing.matching_equaliser import MatchingEqualiser, equaliser_from_json
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.mix_options import ASPECTS, KNOB_GROUPS, MixOptions
from ai_mixer.mixing.preset import load_preset
from ai_mixer.mixing.reference_songs import MODEL_SHARE, ReferenceSongs, reference_weights
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100
CONSOLE = named_console("mastering")


def write(path, audio):
    soundfile.write(path, audio.T.numpy(), RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A song, and a reference: another passage, brighter by a shelf, wider and quieter."""
    folder = tmp_path_factory.mktemp("songs")
    knobs = CONSOLE.console.knobs_from({"high_shelf_gain": 6.0, "high_width": 1.8})
    bright = CONSOLE.console(bursts(7, 6.0, RATE)[None], RATE, knobs, limit=False)[0]
    song = write(folder / "song.wav", 0.5 * bursts(3, 6.0, RATE))
    return song, write(folder / "ref.wav", 0.2 * bright)


def measured(file):
    song = AudioFile(file)
    return measure(song.blocks(), song.sample_rate)


def balance_db(file):
    """Third-octave levels of the mid above 400 Hz, without their mean."""
    audio = torch.from_numpy(soundfile.read(file)[0].T).float()
    levels = third_octave_db(audio.mean(0)[None, None], RATE)[0, 0, 11:]
    return levels - levels.mean()


def distance_db(file, other):
    return float((balance_db(file) - balance_db(other)).abs().mean())


@pytest.mark.slow
def test_amount_1_goes_all_the_way_and_one_half_half_of_it(files, tmp_path):
    song, reference = files
    before, left = distance_db(song, reference), {}
    for amount in (None, 0.5, 1.0):
        out = tmp_path / f"{amount}.wav"
        AudioMixer().master(song, out, reference=reference, mix_options=MixOptions(amount))
        left[amount] = distance_db(out, reference)
    assert left[1.0] < 0.25 * before
    assert left[1.0] < left[None] < 0.7 * before
    assert left[0.5] == pytest.approx(0.5 * before, rel=0.35)


@pytest.mark.slow
def test_a_mix_with_the_model_goes_all_the_way_too(files, tmp_path, packaged_models):
    song, reference = files
    out = tmp_path / "m.wav"
    AudioMixer().mix_file(song, out, reference=reference, mix_options=MixOptions(1.0))
    assert distance_db(out, reference) < 0.25 * distance_db(song, reference)


@pytest.mark.slow
def test_the_equaliser_is_saved_and_its_preset_gives_the_same_samples(files, tmp_path):
    song, reference = files
    first = AudioMixer().master(song, tmp_path / "a.wav", reference=reference)
    preset = load_preset(tmp_path / "a.json")
    assert preset.equaliser == first.preset.equaliser is not None
    AudioMixer().mix_file(song, tmp_path / "b.wav", preset=preset)
    again, once = (soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav"))
    np.testing.assert_array_equal(again, once)


@pytest.mark.parametrize("aspect", first_fast(ASPECTS))
def test_only_the_aspects_that_are_named_are_matched(files, tmp_path, aspect):
    song, reference = files
    options = MixOptions(1.0, aspects=[aspect])
    out = tmp_path / "m.wav"
    result = AudioMixer().master(song, out, reference=reference, mix_options=options)
    before, after, target = result.before, result.after, measured(reference)
    tone = distance_db(out, reference) / distance_db(song, reference)
    assert tone < 0.3 if aspect == "tone" else tone > 0.9
    width = (after.width_db - target.width_db) / (before.width_db - target.width_db)
    assert abs(width) < 0.1 if aspect == "width" else width > 0.7
    level = abs(after.loudness_lufs - target.loudness_lufs)
    assert level < 0.2 if aspect == "level" else level > 1.0
    others = [group for other in ASPECTS if other != aspect for group in ASPECTS[other]]
    for name in (name for group in others for name in KNOB_GROUPS[group]):
        if name in CONSOLE.knobs:
            assert result.preset.settings[name] == CONSOLE.knobs[name].neutral


@pytest.mark.slow
@pytest.mark.parametrize(("amount", "share"), [(None, MODEL_SHARE), (1.0, 1.0)])
def test_what_a_model_leaves_is_shared_unless_an_amount_is_given(files, tmp_path, amount, share):
    """A model that moves nothing leaves all of the correction."""
    song, reference = files
    options = MixOptions(amount)
    result = master_file(
        song,
        tmp_path / "m.wav",
        reference=reference,
        mix_options=options,
        predict=lambda *_: {},
    )
    before = measured(song)
    references = ReferenceSongs.read({AudioFile(reference): 1.0}, AudioFile(song))
    levels = long_term_levels(read_excerpts(AudioFile(song)), RATE)
    correction = references.correction(levels, before, options)
    assert result.preset.equaliser is not None
    gains_db = torch.tensor(result.preset.equaliser.mid_db)[: len(correction.mid_db)].double()
    offset_db = (gains_db - share * correction.mid_db).mean()
    torch.testing.assert_close(gains_db, share * correction.mid_db + offset_db, atol=0.05, rtol=0.0)


@pytest.mark.slow
def test_a_fixed_setting_is_not_undone(files, tmp_path):
    song, reference = files
    fixed = MixOptions(fixed_settings={"high_shelf_gain": -6.0})
    plain = AudioMixer().master(song, tmp_path / "a.wav", reference=reference)
    AudioMixer().master(song, tmp_path / "b.wav", reference=reference, mix_options=fixed)
    difference = balance_db(tmp_path / "b.wav") - balance_db(tmp_path / "a.wav")
    change_db = -6.0 - plain.preset.settings["high_shelf_gain"]
    assert float(difference[-1] - difference[0]) == pytest.approx(change_db, abs=1.5)


@pytest.mark.slow
def test_the_width_never_moves_away_from_the_reference(files, tmp_path):
    """As wide as the song in sum, but not by band: the corrections of bands do not add up to 0."""
    song, _ = files
    audio, width_db = bursts(9, 6.0, RATE), measured(song).width_db
    mid, side = audio.sum(0) / 2, (audio[0] - audio[1]).diff(prepend=torch.zeros(1))
    side *= 10 ** (width_db / 20) * mid.square().mean().sqrt() / side.square().mean().sqrt()
    reference = write(tmp_path / "r.wav", 0.3 * torch.stack([mid + side, mid - side]))
    target_db = measured(reference).width_db
    for amount in (None, 1.0):
        options = MixOptions(amount)
        result = AudioMixer().master(
            song, tmp_path / "m.wav", reference=reference, mix_options=options, force=True
        )
        start, end = (abs(m.width_db - target_db) for m in (result.before, result.after))
        assert end <= start + 0.1


def test_references_are_weighted_and_short_ones_weigh_less(files, tmp_path):
    song, reference = (AudioFile(file) for file in files)
    short = write(tmp_path / "short.wav", noise(2, seconds=2.0))
    references = ReferenceSongs.read({reference: 1.0, AudioFile(short): 1.0}, song)
    assert references.heaviest is reference
    assert references.weights[1] == pytest.approx(0.2, abs=0.02)
    assert any("short.wav is short" in note for note in references.notes)
    crests = [m.crest_db for m in references.measurements]
    shares = np.array(references.weights) / sum(references.weights)
    assert references.crest_db == pytest.approx(float(shares @ crests))


@pytest.mark.slow
def test_a_reference_without_sound_is_refused_and_a_fragment_is_left_out(files, tmp_path):
    song, reference = files
    silent = write(tmp_path / "silent.wav", torch.zeros(2, 3 * RATE))
    with pytest.raises(ValueError, match=r"silent\.wav: nothing of it is above -70 LUFS"):
        AudioMixer().master(song, tmp_path / "m.wav", reference=[reference, silent])
    assert not (tmp_path / "m.wav").exists()
    fragment = write(tmp_path / "fragment.wav", noise(2, seconds=0.5))
    result = AudioMixer().master(song, tmp_path / "m.wav", reference=[reference, fragment])
    assert any("fragment.wav" in note for note in result.notes)
    assert "fragment" not in result.preset.about


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_must_be_above_0(weight):
    with pytest.raises(ValueError, match="weight of a reference must be above 0"):
        reference_weights({"a.wav": weight})


@pytest.mark.parametrize("data", [[1], {"mid_db": [0.0]}, {"mid_db": [99.0] * 28}, "x"])
def test_a_broken_equaliser_of_a_preset_is_one_line(data):
    with pytest.raises(ValueError, match="equaliser") as caught:
        equaliser_from_json(data)
    assert "\n" not in str(caught.value)


def test_an_equaliser_survives_json():
    equaliser = MatchingEqualiser((1.0,) * 28, (-2.5,) * 28)
    assert equaliser_from_json(json.loads(json.dumps(equaliser.to_json()))) == equaliser
