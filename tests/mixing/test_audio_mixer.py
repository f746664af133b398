"""The musician's front door in Python: what goes in comes out mixed, and what was done is said."""

import json
import re

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.inference import pretrained
from ai_mixer.mixing import console_cache
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.windowed_prediction import predict_settings
from helpers.measures import to_db

RATE = 44_100
pytestmark = pytest.mark.usefixtures("packaged_models")


def samples(path):
    return torch.cat(list(AudioFile(path).blocks()), -1)


def test_a_song_in_a_mix_out(song):
    outcome = AudioMixer().mix_file(song)
    assert outcome.output.name == "Mein Lied_mixed.wav"
    before, after = AudioFile(song), AudioFile(outcome.output)
    facts = ("sample_rate", "channels", "frames", "subtype", "tags")
    assert [getattr(after, f) for f in facts] == [getattr(before, f) for f in facts]
    assert not samples(outcome.output).equal(samples(song))
    lufs = [float(loudness_lufs(samples(p)[None], RATE)) for p in (song, outcome.output)]
    assert lufs[1] == pytest.approx(lufs[0], abs=0.1)
    assert to_db(true_peak(samples(outcome.output)[None])) <= -1.0
    assert {p.name for p in song.parent.iterdir()} == {
        "Mein Lied.wav",
        *(f"Mein Lied_mixed.{ending}" for ending in ("wav", "json", "html")),
    }


def test_what_is_applied_stays_in_the_musical_range_unless_a_reference_frees_it(song):
    blind = AudioMixer().mix_file(song, mix_options=MixOptions()).preset.settings
    for name, knob in console_cache.knobs_by_name("musical").items():
        assert knob.low - 1e-4 <= blind[name] <= knob.high + 1e-4
    assert blind["reverb"] == blind["delay"] == 0  # never trained
    after = AudioMixer().mix_file(song, reference=song, force=True).preset.settings
    for name, knob in console_cache.knobs_by_name("wide").items():
        assert knob.low <= after[name] <= knob.high


def test_the_same_preset_gives_the_same_samples(song, tmp_path):
    first = AudioMixer().mix_file(song, tmp_path / "a.wav", target="streaming")
    again = presets.load_preset(tmp_path / "a.json")
    assert again.settings == first.preset.settings
    assert again.target == "streaming"
    second = AudioMixer().mix_file(song, tmp_path / "b.wav", preset=again)
    assert first.output.read_bytes() == second.output.read_bytes()


def test_amount_zero_is_the_song_itself(song, tmp_path, music):
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, 0.3 * music.T.numpy(), RATE, subtype="FLOAT")
    outcome = AudioMixer().mix_file(quiet, mix_options=MixOptions(amount=0.0))
    assert samples(outcome.output).equal(samples(quiet))


@pytest.mark.parametrize("ending", ["mp3", "ogg", "flac", "aiff"])
@pytest.mark.parametrize("target", [None, -9.0])
def test_every_kind_keeps_the_ceiling_when_it_is_read_again(song, tmp_path, ending, target):
    outcome = AudioMixer().mix_file(song, tmp_path / f"out.{ending}", target=target)
    assert to_db(true_peak(samples(outcome.output)[None])) <= -1.0
    assert AudioFile(outcome.output).frames == AudioFile(song).frames


def test_a_file_is_heard_as_its_samples_are(song, music):
    """Windows read where they lie tell the model what the whole song tells it."""
    _, mixer = resolve_model("ast_regressor")
    whole = mixer.console.settings(mixer.predict(music, RATE))[0]
    assert predict_settings(mixer, AudioFile(song)) == pytest.approx(whole, abs=2e-3)


def test_settings_by_model_under_both_names(song):
    predictions = AudioMixer().predict_mixing_parameters(song)
    assert list(predictions) == ["baseline_cnn", "ast_regressor"]
    assert predictions["AST Regressor"] is predictions["ast_regressor"]
    with pytest.raises(KeyError, match="baseline_cnn"):
        predictions["Nobody"]


def test_settings_that_are_predicted_are_those_that_are_applied(song, tmp_path):
    mixer = AudioMixer()
    for name, settings in mixer.predict_mixing_parameters(song).items():
        outcome = mixer.mix_file(song, tmp_path / f"{name}.wav", model=name)
        assert outcome.preset.settings == settings


@pytest.mark.parametrize("shape", [(2, 4410), (1, 4410), (4410,), (3, 2, 4410)])
@pytest.mark.parametrize("kind", [np.float32, np.float64, torch.float32])
def test_settings_are_applied_to_any_shape(shape, kind):
    audio = 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    given = audio.numpy().astype(kind) if isinstance(kind, type) else audio
    mix = AudioMixer().apply_mixing_parameters(given, RATE, {"output_level": 0.5})
    assert type(mix) is type(given)
    assert mix.dtype == given.dtype
    np.testing.assert_allclose(np.asarray(mix), 0.5 * np.asarray(given), atol=1e-6)


def test_the_overview_s_example(song):
    mixer = AudioMixer()
    mixed = mixer.mix_with_model(str(song), "ast_regressor")
    assert mixed.shape == tuple(samples(song).shape)
    assert len(list(song.parent.iterdir())) == 1  # nothing was asked to be written


def test_all_models_side_by_side(song):
    folder = AudioMixer().mix_song_with_all_models(song)
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "Mein Lied_original.wav",
        "Mein Lied_ast_regressor_mixed.wav",
        "Mein Lied_baseline_cnn_mixed.wav",
        "mixing_comparison.png",
        "settings.csv",
    }
    rows = (folder / "settings.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["model", "baseline_cnn", "ast_regressor"]
    with pytest.raises(FileExistsError, match="force"):
        AudioMixer().mix_song_with_all_models(song)


def test_settings_that_follow_the_song(tmp_path, music):
    """Two halves that sound different get settings of their own, without a click between them."""
    dull = torch.nn.functional.avg_pool1d(music, 41, 1, 20).repeat(1, 4)
    path = tmp_path / "two.wav"
    soundfile.write(path, torch.cat([dull, music.repeat(1, 4)], -1).T.numpy(), RATE)
    outcome = AudioMixer().mix_file(path, adaptive=True)
    starts = [section.start_s for section in outcome.preset.sections]
    assert len(starts) >= 2
    assert min(abs(start - 12) for start in starts) <= 2
    assert outcome.preset.sections[0].settings != outcome.preset.sections[-1].settings
    again = AudioMixer().mix_file(
        path, tmp_path / "again.wav", preset=presets.load_preset(tmp_path / "two_mixed.json")
    )
    assert again.output.read_bytes() == outcome.output.read_bytes()


def test_the_report_stands_alone(song):
    page = AudioMixer().mix_file(song).output.with_suffix(".html").read_text()
    assert "LUFS" in page
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=|https?://", page)


def test_settings_are_json_that_says_before_and_after(song):
    page = json.loads(AudioMixer().mix_file(song).output.with_suffix(".json").read_text())
    assert page["format"] == 1
    assert set(page["settings"]) == set(console_cache.knobs_by_name())
    assert set(page["measured"]) == {"before", "after"}


def test_silence_and_noise_and_a_moment(tmp_path):
    for name, audio in {
        "silence": torch.zeros(RATE, 2),
        "moment": 0.1 * torch.randn(RATE // 5 + 1, 1),
        "hot": 30 * torch.randn(RATE, 2),
    }.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, audio.numpy(), RATE, subtype="FLOAT")
        outcome = AudioMixer().mix_file(path)
        assert samples(outcome.output).shape == audio.T.shape
        assert samples(outcome.output).isfinite().all()
    assert not samples(tmp_path / "silence_mixed.wav").any()


def test_never_over_the_song_and_not_over_results(song):
    mixer = AudioMixer()
    with pytest.raises(OSError, match="is the song itself"):
        mixer.mix_file(song, song, force=True)
    mixer.mix_file(song)
    with pytest.raises(FileExistsError, match="--force"):
        mixer.mix_file(song)
    (song.parent / "Mein Lied_mixed.wav").unlink()
    with pytest.raises(FileExistsError, match="json"):
        mixer.mix_file(song)
    mixer.mix_file(song, force=True)


def test_without_any_model_it_says_so_in_one_line(song, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path / "nothing")
    with pytest.raises(ValueError, match="no model is packaged") as caught:
        AudioMixer().mix_file(song)
    assert "\n" not in str(caught.value)
    assert {p.name for p in song.parent.iterdir()} == {song.name}
