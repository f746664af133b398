"""The Python interface `AudioMixer`: mixes, presets, reports and errors."""

import json
import re

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.core.types import KnobStages, Prediction
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.inference import pretrained
from ai_mixer.mixing import console_cache
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.windowed_prediction import predict_song
from helpers.measures import to_db
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100
pytestmark = pytest.mark.usefixtures("packaged_models")


def samples(path):
    return torch.cat(list(AudioFile(path).blocks()), -1)


def test_mix_keeps_format_and_loudness_and_writes_settings_and_report(song):
    result = AudioMixer().mix_file(song)
    assert result.output.name == "Mein Lied_mixed.wav"
    before, after = AudioFile(song), AudioFile(result.output)
    fields = ("sample_rate", "channels", "frames", "subtype", "tags")
    assert [getattr(after, f) for f in fields] == [getattr(before, f) for f in fields]
    assert not samples(result.output).equal(samples(song))
    lufs = [float(loudness_lufs(samples(p)[None], RATE)) for p in (song, result.output)]
    assert lufs[1] == pytest.approx(lufs[0], abs=0.1)
    assert to_db(true_peak(samples(result.output)[None])) <= -1.0
    assert {p.name for p in song.parent.iterdir()} == {
        "Mein Lied.wav",
        *(f"Mein Lied_mixed.{extension}" for extension in ("wav", "json", "html")),
    }


def test_a_song_with_which_nothing_is_wrong_is_copied_unless_something_is_asked(song, monkeypatch):
    model = resolve_model(None)[1]
    neutral = Prediction(model.console.neutral[None])
    monkeypatch.setattr(
        "ai_mixer.mixing.model_settings.predict_song", lambda *_: KnobStages(neutral, neutral)
    )
    loud = samples(song) / samples(song).abs().max()
    soundfile.write(song, loud.T.numpy(), RATE, subtype="PCM_24")
    kept = AudioMixer().mix_file(song)
    assert samples(kept.output).equal(samples(song))
    assert "left as it is; peaks at" in kept.notes[0]
    preset = presets.load_preset(kept.output.with_suffix(".json"))
    again = AudioMixer().mix_file(song, preset=preset, force=True)
    assert samples(again.output).equal(samples(song))
    for asked in ({"ceiling_db": -1.0}, {"target_lufs": -20.0}):
        limited = AudioMixer().mix_file(song, force=True, **asked)
        assert to_db(true_peak(samples(limited.output)[None])) <= -1.0
    folder = AudioMixer().mix_song_with_all_models(song)
    for version in folder.glob("*_mixed.wav"):
        assert to_db(true_peak(samples(version)[None])) <= -1.0


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "copied"), [("wav", True), ("ogg", True), ("flac", False)])
def test_a_copy_does_not_clip_samples_over_full_scale(song, monkeypatch, ending, copied):
    """A song that was decoded from a lossy format; FLAC has no float samples."""
    neutral = Prediction(resolve_model(None)[1].console.neutral[None])
    monkeypatch.setattr(
        "ai_mixer.mixing.model_settings.predict_song", lambda *_: KnobStages(neutral, neutral)
    )
    loud = song.with_suffix(".ogg")
    soundfile.write(loud, (1.3 * samples(song) / samples(song).abs().max()).T.numpy(), RATE)
    result = AudioMixer().mix_file(loud, song.with_name(f"copy.{ending}"))
    assert result.preset.unchanged == copied
    if copied:
        peak = samples(result.output).abs().max()
        assert peak == pytest.approx(float(samples(loud).abs().max()), abs=0.05)
        assert peak > 1.05
    else:
        assert result.after.true_peak_db <= -1.0


def test_settings_are_in_the_musical_ranges_or_with_a_reference_in_the_wide_ones(song):
    blind = AudioMixer().mix_file(song, mix_options=MixOptions()).preset.settings
    for name, knob in console_cache.knobs_by_name("musical").items():
        assert knob.low - 1e-4 <= blind[name] <= knob.high + 1e-4
    assert blind["reverb"] == blind["delay"] == 0  # untrained
    reference = song.with_name("reference.wav")
    soundfile.write(reference, 0.5 * samples(song).T.numpy(), RATE)
    referenced = AudioMixer().mix_file(song, reference=reference, force=True).preset.settings
    for name, knob in console_cache.knobs_by_name("wide").items():
        assert knob.low <= referenced[name] <= knob.high


@pytest.mark.slow
@pytest.mark.parametrize(("method", "console"), [("mix_file", "classic"), ("master", "mastering")])
def test_a_copy_of_the_song_is_no_reference_and_a_note_says_so(song, method, console):
    copy = song.with_name("copy.wav")
    copy.write_bytes(song.read_bytes())
    result = getattr(AudioMixer(), method)(song, reference=copy, mix_options=MixOptions())
    assert "the reference copy.wav is the song itself: no knob was moved" in result.notes
    knobs = console_cache.knobs_by_name(console=console)
    assert result.preset.settings == {name: knob.neutral for name, knob in knobs.items()}


def test_equal_presets_give_equal_samples(song, tmp_path):
    first = AudioMixer().mix_file(song, tmp_path / "a.wav", target_lufs="streaming")
    loaded = presets.load_preset(tmp_path / "a.json")
    assert loaded.settings == first.preset.settings
    assert loaded.target_lufs == "streaming"
    second = AudioMixer().mix_file(song, tmp_path / "b.wav", preset=loaded)
    assert first.output.read_bytes() == second.output.read_bytes()


def test_amount_0_is_the_identity(song, tmp_path, music):
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, 0.3 * music.T.numpy(), RATE, subtype="FLOAT")
    result = AudioMixer().mix_file(quiet, mix_options=MixOptions(amount=0.0))
    assert samples(result.output).equal(samples(quiet))


@pytest.mark.parametrize("extension", first_fast(["mp3", "ogg", "flac", "aiff"]))
@pytest.mark.parametrize("target_lufs", [-9.0, pytest.param(None, marks=pytest.mark.slow)])
def test_decoded_file_of_every_format_is_below_the_ceiling(song, tmp_path, extension, target_lufs):
    result = AudioMixer().mix_file(song, tmp_path / f"out.{extension}", target_lufs=target_lufs)
    assert to_db(true_peak(samples(result.output)[None])) <= -1.0
    assert AudioFile(result.output).frames == AudioFile(song).frames


def test_prediction_from_a_file_equals_prediction_from_samples(song, music):
    _, predictor = resolve_model("ast_regressor")
    stages = predict_song(predictor, AudioFile(song))
    expected = predictor.stages(music, RATE)
    for one, other in zip(stages, expected, strict=True):
        torch.testing.assert_close(one.knobs, other.knobs, atol=2e-3, rtol=0)


def test_settings_by_model_accept_display_names(song):
    predictions = AudioMixer().predict_mixing_parameters(song)
    assert list(predictions) == ["baseline_cnn", "ast_regressor"]
    assert predictions["AST Regressor"] is predictions["ast_regressor"]
    with pytest.raises(KeyError, match="baseline_cnn"):
        predictions["Unknown"]


def test_predicted_settings_equal_those_of_the_mix(song, tmp_path):
    mixer = AudioMixer()
    for name, settings in mixer.predict_mixing_parameters(song).items():
        result = mixer.mix_file(song, tmp_path / f"{name}.wav", model=name)
        assert result.preset.settings == settings


@pytest.mark.parametrize("shape", [(2, 4410), (1, 4410), (4410,), (3, 2, 4410)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, torch.float32])
def test_apply_mixing_parameters_keeps_type_dtype_and_shape(shape, dtype):
    audio = noise(*shape)
    audio = audio.numpy().astype(dtype) if isinstance(dtype, type) else audio
    mix = AudioMixer().apply_mixing_parameters(audio, RATE, {"output_level": 0.5})
    assert type(mix) is type(audio)
    assert mix.dtype == audio.dtype
    np.testing.assert_allclose(np.asarray(mix), 0.5 * np.asarray(audio), atol=1e-6)


def test_mix_with_model_returns_samples_and_writes_nothing(song):
    mixed = AudioMixer().mix_with_model(str(song), "ast_regressor")
    assert mixed.shape == tuple(samples(song).shape)
    assert len(list(song.parent.iterdir())) == 1


@pytest.mark.slow
def test_mix_with_all_models_writes_mixes_plot_and_table(song):
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


@pytest.mark.slow
def test_adaptive_settings_differ_between_sections(tmp_path, music):
    """A song of two halves with different spectra."""
    if not all(e.streamable for e in console_cache.shared_console().effects.values()):
        pytest.skip("settings that change need effects with a live form")
    dull = torch.nn.functional.avg_pool1d(music, 41, 1, 20).repeat(1, 4)
    path = tmp_path / "two.wav"
    soundfile.write(path, torch.cat([dull, music.repeat(1, 4)], -1).T.numpy(), RATE)
    result = AudioMixer().mix_file(path, adaptive=True)
    starts = [section.start_s for section in result.preset.sections]
    assert len(starts) >= 2
    assert min(abs(start - 12) for start in starts) <= 2
    assert result.preset.sections[0].settings != result.preset.sections[-1].settings
    repeated = AudioMixer().mix_file(
        path, tmp_path / "repeated.wav", preset=presets.load_preset(tmp_path / "two_mixed.json")
    )
    assert repeated.output.read_bytes() == result.output.read_bytes()


def test_report_is_self_contained(song):
    html = AudioMixer().mix_file(song).output.with_suffix(".html").read_text()
    assert "LUFS" in html
    assert html.count("<svg") == 2
    assert not re.search(r'(src|href)="(?!data:)|https?://', html)


def test_settings_file_has_all_knobs_and_measurements(song):
    data = json.loads(AudioMixer().mix_file(song).output.with_suffix(".json").read_text())
    assert data["format"] == 1
    assert set(data["settings"]) == set(console_cache.knobs_by_name())
    assert set(data["measured"]) == {"before", "after"}


def test_silent_short_and_hot_songs_are_mixed(tmp_path):
    for name, audio in {
        "silence": torch.zeros(RATE, 2),
        "short": noise(RATE // 5 + 1, 1),
        "hot": noise(RATE, 2, level=30.0),
    }.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, audio.numpy(), RATE, subtype="FLOAT")
        result = AudioMixer().mix_file(path)
        assert samples(result.output).shape == audio.T.shape
        assert samples(result.output).isfinite().all()
    assert not samples(tmp_path / "silence_mixed.wav").any()


def test_song_is_never_overwritten_and_results_only_with_force(song):
    mixer = AudioMixer()
    with pytest.raises(OSError, match="is an input"):
        mixer.mix_file(song, song, force=True)
    mixer.mix_file(song)
    with pytest.raises(FileExistsError, match="--force"):
        mixer.mix_file(song)
    (song.parent / "Mein Lied_mixed.wav").unlink()
    with pytest.raises(FileExistsError, match="json"):
        mixer.mix_file(song)
    mixer.mix_file(song, force=True)


def test_missing_models_raise_in_one_line(song, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path / "nothing")
    with pytest.raises(ValueError, match="no model is packaged") as caught:
        AudioMixer().mix_file(song)
    assert "\n" not in str(caught.value)
    assert {p.name for p in song.parent.iterdir()} == {song.name}
