"""The musician's side: any audio in, knobs out, the settings in words and back."""

import pytest
import torch

from ai_mixer import load_model
from ai_mixer.inference.predictor import MAX_WINDOWS, Predictor
from ai_mixer.tracking import load_model_files, save_model
from helpers.signals import noise

RATE = 44100


def test_a_run_is_found_in_many_ways(at_home, trained):
    by_path = load_model(trained.folder).card
    for where in ("last", trained.run.id, trained.run.id[:8], str(trained.folder / "model.json")):
        assert load_model(where).card == by_path
    assert load_model().card["run"] == trained.run.id


def test_two_files_are_enough(copied, monkeypatch):
    """No store, no training data, no repository around."""
    monkeypatch.chdir(copied)
    mixer = load_model(".")
    assert mixer.predict(noise(2, seconds=1), RATE).shape == (1, len(mixer.console.knobs))


def test_a_model_that_heard_otherwise_is_refused_in_one_line(copied, monkeypatch):
    """Even if its weights fit by chance. Cards of before did not tell the ears: then by weights."""
    monkeypatch.setattr("ai_mixer.models.feature_extractor.VERSION", 99)
    with pytest.raises(ValueError, match="another version of ai_mixer: train it again") as caught:
        load_model(copied)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    weights, card = load_model_files(copied)
    card = {key: card[key] for key in card.keys() - {"ears", "weights_sha256"}}
    weights = {name: weight[..., :1] for name, weight in weights.items()}
    old = save_model(copied / "old", weights, card)
    with pytest.raises(ValueError, match="another version of ai_mixer: train it again"):
        load_model(old)


@pytest.mark.parametrize("where", ["last", "abcdef", "no/such/folder"])
def test_nothing_there_is_said_in_one_line(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        load_model(where)
    assert "\n" not in str(caught.value)
    assert "make train" in str(caught.value)


def test_looking_for_a_run_makes_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [{}, {"reference": 0.7}, {"finished": 1.0}])
@pytest.mark.parametrize("shape", [(2,), (1,), (3, 2), (3, 1)])
def test_shapes_and_ranges(mixer, given, shape):
    audio = noise(*shape, seconds=1)
    other = {name: noise(*shape, seconds=seconds, seed=1) for name, seconds in given.items()}
    knobs = mixer.predict(audio, RATE, **other)
    assert knobs.shape == (shape[0] if len(shape) == 2 else 1, len(mixer.console.knobs))
    assert ((knobs >= 0) & (knobs <= 1)).all()
    assert not knobs.requires_grad


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.1, 2.5])
def test_any_rate_and_length(mixer, rate, seconds):
    audio = noise(2, seconds=seconds, rate=rate)
    for other in ({}, {"reference": noise(2, seconds=0.3, rate=rate)}, {"finished": 0.5 * audio}):
        assert mixer.predict(audio, rate, **other).isfinite().all()


def test_a_long_song_is_heard_in_windows(mixer):
    """Thirty seconds; and what is beyond the eight windows does not cost more."""
    audio = noise(2, seconds=30)
    heard = []
    ears = mixer.model.front_end
    handle = ears.register_forward_pre_hook(lambda _, given: heard.append(given[0].shape))
    try:
        knobs = mixer.predict(audio, RATE, reference=noise(2, seconds=5))
    finally:
        handle.remove()
    assert knobs.shape == (1, len(mixer.console.knobs))
    assert heard == [torch.Size([MAX_WINDOWS, 2, mixer.window])]


def test_a_batch_equals_its_songs_alone(mixer):
    audio, finished = (noise(3, 2, seconds=2.5), noise(3, 2, seconds=2.5, seed=1))
    together = mixer.predict(audio, RATE, finished=finished)
    alone = [mixer.predict(a, RATE, finished=f) for a, f in zip(audio, finished, strict=True)]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-5, rtol=0)


def test_predicting_is_repeatable_and_leaves_the_audio_alone(mixer):
    audio = noise(2, seconds=1.7)
    before = audio.clone()
    assert mixer.predict(audio, RATE).equal(mixer.predict(audio, RATE))
    assert audio.equal(before)


def test_mono_is_two_equal_channels(mixer):
    mono = noise(1, seconds=1)
    torch.testing.assert_close(
        mixer.predict(mono, RATE), mixer.predict(mono.expand(2, -1), RATE), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("level", [0.0, 1e-30, 30.0])
def test_silence_and_hot_audio(mixer, level):
    knobs = mixer.predict(noise(2, seconds=1) * level, RATE)
    assert ((knobs >= 0) & (knobs <= 1)).all()


def test_the_mix_can_be_rendered(mixer):
    audio = noise(2, 2, seconds=1)
    mix = mixer.console(audio, RATE, mixer.predict(audio, RATE))
    assert mix.shape == audio.shape
    assert mix.isfinite().all()
    assert not mix.equal(audio)


def test_untrained_knobs_stay_at_neutral(mixer):
    """A model that never learned reverb leaves the song dry, whatever it would have said."""
    card = {**mixer.card, "trained": ["low_eq", "stereo_width"]}
    knobs = Predictor(mixer.model, mixer.console, card).predict(noise(2, seconds=1), RATE)
    learned = torch.tensor([knob.name in card["trained"] for knob in mixer.console.knobs])
    assert knobs[0, ~learned].equal(mixer.console.neutral[~learned])
    assert knobs[0, learned].equal(mixer.predict(noise(2, seconds=1), RATE)[0, learned])


def test_settings_go_round(mixer):
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
def test_what_cannot_be_is_said_in_one_line(mixer, arguments, message):
    given = {"audio": torch.zeros(2, RATE), "sample_rate": RATE, **arguments}
    with pytest.raises(ValueError, match=message) as caught:
        mixer.predict(**given)
    assert "\n" not in str(caught.value)
