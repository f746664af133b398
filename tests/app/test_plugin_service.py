"""The service of `ai-mixer listen`: requests, answers, and who may ask."""

import io
from contextlib import suppress

import numpy as np
import pytest
import soundfile

from ai_mixer.app import plugin_service, prediction
from ai_mixer.app.plugin_service import PluginService, read_request
from ai_mixer.mixing.demo_song import write_rough_demo
from ai_mixer.plugin.presets import read_state
from helpers.listen import ask, running, short_home

FRAMES = 800


@pytest.fixture
def home():
    with short_home() as folder:
        yield folder


def request(audio=None, **fields):
    """Bytes of a request. fields: its lines, None to leave one out."""
    audio = np.full((FRAMES, 2), 0.1, np.float32) if audio is None else audio
    lines = {"ai_mixer": "1 classic", "rate": 8000, "channels": audio.shape[1]}
    lines = {**lines, "frames": len(audio), **fields}
    head = "".join(f"{name} {text}\n" for name, text in lines.items() if text is not None)
    return f"{head}\n".encode() + audio.tobytes()


def refusal(home, content):
    answer = ask(home, content)
    kind, _, text = answer.partition(b"\n")
    assert kind == b"refused %d" % len(text)
    assert text.count(b"\n") == 1
    return text.decode()


def test_answer_is_a_state_with_the_settings(home):
    received = []

    def predict(asked):
        received.append(asked)
        return {"low_eq": 3.0}

    audio = np.random.default_rng(1).uniform(-1, 1, (FRAMES, 1)).astype(np.float32)
    with running(PluginService(home, predict)):
        answer = ask(home, request(audio, **{"locked.high_eq": "-1.5", "locked.unknown": "3"}))
    kind, _, state = answer.partition(b"\n")
    assert kind == b"settings %d" % len(state)
    plugin, settings = read_state(state)
    assert settings == {**{knob.name: knob.neutral for knob in plugin.chain.knobs}, "low_eq": 3.0}
    (asked,) = received
    assert np.array_equal(asked.audio, audio)
    assert (asked.sample_rate, asked.locked) == (8000, {"high_eq": -1.5})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ai_mixer": "2 classic"}, "version of the plug-in: '2', this ai_mixer has 1"),
        ({"ai_mixer": None}, "version of the plug-in: ''"),
        ({"ai_mixer": "1 nothing"}, "nothing"),
        ({"ai_mixer": "1 strip"}, "ai_mixer Strip: no model sets one track without the others"),
        ({"rate": "44100.5"}, "rate: '44100.5' is not a whole number of 8000 to 192000"),
        ({"rate": "9" * 5000}, "rate: '99999999999999999999' is not"),
        ({"frames": 8000 * 31}, "frames: '248000' is not a whole number of 1 to 240000"),
        ({"channels": 3}, "channels: '3' is not a whole number of 1 to 2"),
        ({"locked.low_eq": "nan"}, "locked knob low_eq: 'nan' is not a number"),
        ({"locked.low_eq": "x"}, "locked knob low_eq: 'x' is not a number"),
        ({"padding": "x" * 70_000}, "the request is too long"),
    ],
)
def test_refusals_are_one_line(home, fields, message):
    with running(PluginService(home, lambda asked: {})):
        assert message in refusal(home, request(**fields))


def test_silence_and_samples_that_are_not_numbers_are_refused(home):
    audio = np.full((FRAMES, 2), 1e-5, np.float32)
    with running(PluginService(home, lambda asked: {})):
        assert refusal(home, request(audio)) == "the input is silent\n"
        audio[3, 1] = np.nan
        assert "not numbers" in refusal(home, request(audio))


def test_errors_of_a_prediction_do_not_stop_the_service(home):
    def predict(asked):
        raise RuntimeError("two\nlines")

    with running(PluginService(home, predict)):
        for _ in range(2):
            assert "unexpected RuntimeError: two lines" in refusal(home, request())


def test_plugin_that_closes_does_not_stop_the_service(home):
    with running(PluginService(home, lambda asked: {"low_eq": 1.0})):
        ask(home, request()[:500])
        ask(home, request(), close=True)
        assert ask(home, request()).startswith(b"settings")


def test_random_bytes_are_refused_or_end_early():
    random, valid = np.random.default_rng(4), request()
    for _ in range(200):
        changed = bytearray(valid[: int(random.integers(1, len(valid)))])
        for _ in range(int(random.integers(1, 5))):
            changed[random.integers(min(len(changed), 60))] = random.integers(256)
        with suppress(ValueError, ConnectionError):
            assert len(read_request(io.BytesIO(changed)).audio) <= 30 * 192_000


def test_only_the_owner_reaches_the_socket_and_one_service_runs(home):
    service = PluginService(home, lambda asked: {})
    assert service.path.stat().st_mode & 0o777 == 0o600
    with running(service), pytest.raises(OSError, match="ai-mixer listen runs already, at"):
        PluginService(home)
    assert not service.path.exists()


def test_socket_of_a_service_that_is_gone_is_replaced(home):
    gone = PluginService(home)
    gone.socket.close()  # as by a crash
    assert gone.path.exists()
    with running(PluginService(home, lambda asked: {})):
        assert ask(home, request()).startswith(b"settings")


def test_home_that_is_too_long_for_a_socket(tmp_path):
    with pytest.raises(OSError, match="too long for a socket, at most 107 bytes"):
        PluginService(tmp_path / ("x" * 100))


def test_prediction_gets_a_file_console_and_locked_knobs(monkeypatch):
    asked = read_request(io.BytesIO(request(**{"locked.low_eq": 2})))
    seen = {}

    def predict(path, reference, arguments, report):
        seen.update(arguments, exists=path.is_file(), reference=reference)
        return {"console": "classic", "settings": {"low_eq": 2.0}}

    monkeypatch.setattr(prediction, "predict", predict)
    assert plugin_service.predict_settings(asked) == {"low_eq": 2.0}
    locked = {"low_eq": 2.0}
    assert seen == {"console": "classic", "locked": locked, "exists": True, "reference": None}


@pytest.mark.slow  # loads the packaged model
@pytest.mark.parametrize(("console", "locked"), [("classic", "low_eq"), ("mastering", "low_cut")])
def test_packaged_models_answer_with_all_knobs_and_keep_locked_ones(tmp_path, console, locked):
    write_rough_demo(tmp_path / "rough.wav", 24.0)
    audio, rate = soundfile.read(tmp_path / "rough.wav", dtype="float32", frames=20 * 44_100)
    fields = {"ai_mixer": f"1 {console}", "rate": rate, f"locked.{locked}": 3.0}
    asked = read_request(io.BytesIO(request(audio, **fields)))
    settings = plugin_service.predict_settings(asked)
    knobs = {knob.name: knob for knob in asked.plugin.chain.knobs}
    assert set(settings) <= set(knobs)
    assert settings[locked] == max(3.0, knobs[locked].low)
    off = [name for name in settings if settings[name] != pytest.approx(knobs[name].neutral)]
    assert len(off) > 1
    for name, value in settings.items():
        assert knobs[name].low - 1e-3 <= value <= knobs[name].high + 1e-3
