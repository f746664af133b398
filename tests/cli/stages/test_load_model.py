"""`load_model` and `Predictor`: loading, shapes, ranges, settings, errors."""

import pytest
import torch

from ai_mixer import load_model
from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.windows import MAX_WINDOWS
from ai_mixer.tracking import load_model_files, save_model
from helpers.signals import noise

RATE = 44100


def test_model_is_loaded_by_last_id_or_path(at_home, trained):
    by_path = load_model(trained.folder).card
    for name in ("last", trained.run.id, trained.run.id[:8], str(trained.folder / "model.json")):
        assert load_model(name).card == by_path
    assert load_model().card["run"] == trained.run.id


def test_model_is_loaded_from_its_two_files(copied, monkeypatch):
    """Without store, training data and repository."""
    monkeypatch.chdir(copied)
    mixer = load_model(".")
    assert mixer.predict(noise(2, seconds=1), RATE).shape == (1, len(mixer.console.knobs))


def test_model_with_other_features_raises_in_one_line(copied, monkeypatch):
    """Even if its weights fit by chance. Older cards lack the feature config: then by weights."""
    monkeypatch.setattr("ai_mixer.models.feature_extractor.VERSION", 99)
    with pytest.raises(ValueError, match="another version of ai_mixer") as caught:
        load_model(copied)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    weights, card = load_model_files(copied)
    card = {key: card[key] for key in card.keys() - {"ears", "weights_sha256"}}
    weights = {name: weight[..., :1] for name, weight in weights.items()}
    old = save_model(copied / "old", weights, card)
    with pytest.raises(ValueError, match="another version of ai_mixer"):
        load_model(old)


@pytest.mark.parametrize("name", ["last", "abcdef", "no/such/folder"])
def test_missing_model_raises_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        load_model(name)
    assert "\n" not in str(caught.value)
    assert "make train" in str(caught.value)


def test_loading_creates_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("conditioning", [{}, {"reference": 0.7}, {"finished": 1.0}])
@pytest.mark.parametrize("shape", [(2,), (1,), (3, 2), (3, 1)])
def test_prediction_has_shape_and_range_of_knobs(mixer, conditioning, shape):
    audio = noise(*shape, seconds=1)
    other = {name: noise(*shape, seconds=seconds, seed=1) for name, seconds in conditioning.items()}
    knobs = mixer.predict(audio, RATE, **other)
    assert knobs.shape == (shape[0] if len(shape) == 2 else 1, len(mixer.console.knobs))
    assert ((knobs >= 0) & (knobs <= 1)).all()
    assert not knobs.requires_grad


def test_prediction_can_be_used_in_training(mixer):
    """It is no inference tensor, which autograd refuses."""
    prediction = mixer.predict_with_uncertainty(noise(1, 2, seconds=1), RATE)
    weight = torch.ones_like(prediction.knobs).requires_grad_()
    (prediction.knobs * weight).sum().backward()
    assert torch.equal(weight.grad, prediction.knobs)
    assert not any(part.is_inference() for part in prediction if part is not None)


def test_numpy_audio_equals_a_tensor(mixer):
    audio = noise(2, seconds=1)
    assert torch.equal(mixer.predict(audio.numpy(), RATE), mixer.predict(audio, RATE))
    with pytest.raises(ValueError, match=r"audio must be of a float type, got torch.int16"):
        mixer.predict(audio.short().numpy(), RATE)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.1, 2.5])
def test_prediction_is_finite_at_any_rate_and_length(mixer, rate, seconds):
    audio = noise(2, seconds=seconds, rate=rate)
    for other in ({}, {"reference": noise(2, seconds=0.3, rate=rate)}, {"finished": 0.5 * audio}):
        assert mixer.predict(audio, rate, **other).isfinite().all()


def test_long_song_is_predicted_from_eight_windows(mixer):
    """30 s; a longer song costs no more."""
    audio = noise(2, seconds=30)
    shapes = []
    handle = mixer.model.front_end.register_forward_pre_hook(
        lambda _, inputs: shapes.append(inputs[0].shape)
    )
    try:
        knobs = mixer.predict(audio, RATE, reference=noise(2, seconds=5))
    finally:
        handle.remove()
    assert knobs.shape == (1, len(mixer.console.knobs))
    assert shapes == [torch.Size([MAX_WINDOWS, 2, mixer.window])]


def test_batch_equals_single_songs(mixer):
    audio, finished = (noise(3, 2, seconds=2.5), noise(3, 2, seconds=2.5, seed=1))
    batch = mixer.predict(audio, RATE, finished=finished)
    single = [mixer.predict(a, RATE, finished=f) for a, f in zip(audio, finished, strict=True)]
    torch.testing.assert_close(torch.cat(single), batch, atol=1e-5, rtol=0)


def test_prediction_is_deterministic_and_does_not_change_the_audio(mixer):
    audio = noise(2, seconds=1.7)
    before = audio.clone()
    assert mixer.predict(audio, RATE).equal(mixer.predict(audio, RATE))
    assert audio.equal(before)


def test_mono_equals_two_equal_channels(mixer):
    mono = noise(1, seconds=1)
    torch.testing.assert_close(
        mixer.predict(mono, RATE), mixer.predict(mono.expand(2, -1), RATE), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("level", [0.0, 1e-30, 30.0])
def test_prediction_of_silence_and_hot_audio_is_in_range(mixer, level):
    knobs = mixer.predict(noise(2, seconds=1) * level, RATE)
    assert ((knobs >= 0) & (knobs <= 1)).all()


def test_predicted_knobs_are_rendered(mixer):
    audio = noise(2, 2, seconds=1)
    mix = mixer.console(audio, RATE, mixer.predict(audio, RATE))
    assert mix.shape == audio.shape
    assert mix.isfinite().all()
    assert not mix.equal(audio)


def test_untrained_knobs_stay_at_neutral(mixer):
    """Whatever the model predicts for them."""
    card = {**mixer.card, "trained": ["low_eq", "stereo_width"]}
    knobs = Predictor(mixer.model, mixer.console, card).predict(noise(2, seconds=1), RATE)
    trained = torch.tensor([knob.name in card["trained"] for knob in mixer.console.knobs])
    assert knobs[0, ~trained].equal(mixer.console.neutral[~trained])
    assert knobs[0, trained].equal(mixer.predict(noise(2, seconds=1), RATE)[0, trained])


def test_settings_round_trip(mixer):
    knobs = mixer.predict(noise(3, 2, seconds=1), RATE)
    settings = mixer.console.settings(knobs)
    assert [set(song) for song in settings] == [set(mixer.console.names)] * 3
    torch.testing.assert_close(mixer.console.knobs_from(settings), knobs, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"audio": torch.zeros(100)}, r"audio must be .* got \[100\]"),
        ({"audio": torch.zeros(3, 100)}, r"audio must be"),
        ({"audio": torch.zeros(2, 0)}, r"audio must be"),
        ({"audio": torch.zeros(1, 2, 3, 4)}, r"audio must be"),
        ({"reference": torch.zeros(5, 9)}, r"reference must be"),
        ({"finished": torch.zeros(5, 9)}, r"(finished|paired) must be"),
        ({"finished": torch.zeros(2, 9)}, r"as long as audio"),
        (
            {"finished": torch.zeros(2, RATE), "reference": torch.zeros(2, RATE)},
            r"not both",
        ),
        ({"sample_rate": 0}, r"sample_rate|rate"),
        ({"audio": torch.full((2, RATE), torch.nan)}, r"NaN"),
        ({"audio": torch.zeros(3, 2, RATE), "reference": torch.zeros(2, 2, RATE)}, r"reference"),
    ],
)
def test_invalid_audio_raises_in_one_line(mixer, arguments, message):
    arguments = {"audio": torch.zeros(2, RATE), "sample_rate": RATE, **arguments}
    with pytest.raises(ValueError, match=message) as caught:
        mixer.predict(**arguments)
    assert "\n" not in str(caught.value)
