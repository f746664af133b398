"""The knob demo page: versions, their loudness, and a self-contained page."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
import torch

from ai_mixer.console import load_console
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.knob_demo import (
    KNOB_DEMOS,
    LEVEL_KNOB,
    demo_console,
    knob_demos,
    render_versions,
)
from ai_mixer.mixing.knob_demo_page import EXCERPT_S, FADE_S, SHORT_EXCERPT_S, write_knob_demo
from ai_mixer.mixing.track_console import track_console
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 44_100


@pytest.fixture(scope="module")
def versions(music):
    return render_versions(music, RATE)


@pytest.fixture
def page(song):
    output = song.with_suffix(".html")
    write_knob_demo(song, output)
    return output.read_text(encoding="utf-8")


def lufs(audio):
    return float(loudness_lufs(audio[None], RATE))


def test_every_knob_has_three_ascending_values_with_neutral():
    knobs = console_cache.knobs_by_name()
    assert list(KNOB_DEMOS) == [name for name in knobs if name in KNOB_DEMOS]
    for name, demo in KNOB_DEMOS.items():
        assert list(demo.values) == sorted(set(demo.values))
        assert len(demo.values) == 3
        assert knobs[name].neutral in demo.values
        assert knobs[name].low <= demo.values[0] <= demo.values[-1] <= knobs[name].high


def test_neutral_versions_equal_the_song_up_to_a_common_gain(versions, music):
    neutral = [v.audio for group in versions.values() for v in group if v.neutral]
    assert len(neutral) == len(KNOB_DEMOS) - 1  # the input gain's versions have the compressor on
    gain = float(neutral[0].abs().max() / music.abs().max())
    assert gain <= 1
    for audio in neutral:
        assert float((audio - gain * music).abs().max()) < 1e-5


def test_versions_are_equally_loud_and_below_full_scale(versions):
    loudness = lufs(versions["low_eq"][1].audio)
    for name, group in versions.items():
        for version in group:
            assert float(version.audio.abs().max()) <= 10 ** (-1 / 20) + 1e-6
            if name != LEVEL_KNOB:
                assert lufs(version.audio) == pytest.approx(loudness, abs=0.1)
    levels = [lufs(version.audio) - loudness for version in versions[LEVEL_KNOB]]
    assert levels == pytest.approx([-3.1, 0.0, 2.9], abs=0.1)


def test_every_knob_changes_the_audio(versions):
    for name, group in versions.items():
        for version, following in pairwise(group):
            change = (version.audio - following.audio).square().mean()
            assert float(change / version.audio.square().mean()) > 1e-4, name


def test_page_contains_the_audio_of_every_button(page, music, versions):
    buttons = re.findall(r'data-sound="([\w-]+)"', page)
    embedded = dict(re.findall(r'<script type="audio/flac" id="([\w-]+)">([^<]+)', page))
    assert set(buttons) == set(embedded)
    assert len(buttons) == 3 * len(KNOB_DEMOS)
    for text in embedded.values():
        audio, rate = soundfile.read(io.BytesIO(base64.b64decode(text)))
        assert (rate, audio.shape) == (RATE, (music.shape[1], 2))
    audio = soundfile.read(io.BytesIO(base64.b64decode(embedded["low_eq-2"])), dtype="float32")[0]
    inner = slice(round(2 * FADE_S * RATE), RATE)
    expected = versions["low_eq"][2].audio.T[inner]
    assert float((torch.from_numpy(audio)[inner] - expected).std() / expected.std()) < 0.05


def test_page_and_docs_have_the_same_descriptions(page):
    docs = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(__file__).parents[2].joinpath("docs").rglob("*.md")
    )
    for name, demo in KNOB_DEMOS.items():
        assert f"<code>{name}</code>" in page
        assert demo.description in page
        assert f"| `{name}` | {demo.description} |" in docs


def test_page_is_self_contained(page):
    text = re.sub(r'<script type="audio/flac".*?</script>', "", page)
    assert "http://" not in text
    assert "https://" not in text
    assert not re.search(r"\bsrc=|<link|@import|url\(", text)


def test_page_of_a_long_mono_song_has_its_loudest_seconds(tmp_path):
    song = noise(1, seconds=30.0, rate=8000, level=0.01)
    song[:, 16 * 8000 : 24 * 8000] *= 20
    soundfile.write(tmp_path / "long <b>.wav", song.T.numpy(), 8000)
    write_knob_demo(tmp_path / "long <b>.wav", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "long &lt;b&gt;.wav" in page
    assert "from 0:16" in page
    flac = base64.b64decode(re.search(r'id="song">([^<]+)', page)[1])
    assert soundfile.read(io.BytesIO(flac), always_2d=True)[0].shape == (EXCERPT_S * RATE, 1)


def test_existing_page_wrong_extension_and_silence_raise(song, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("existing")
    with pytest.raises(FileExistsError, match="--force"):
        write_knob_demo(song, page)
    assert page.read_text() == "existing"
    write_knob_demo(song, page, force=True)
    assert "Ten knobs" in page.read_text()
    with pytest.raises(ValueError, match=r"page\.html"):
        write_knob_demo(song, tmp_path / "page.wav")
    soundfile.write(tmp_path / "silence.wav", torch.zeros(8000, 1).numpy(), 8000)
    with pytest.raises(ValueError, match=r"silence\.wav.*silent"):
        write_knob_demo(tmp_path / "silence.wav", tmp_path / "silence.html")
    assert not (tmp_path / "silence.html").exists()


def test_the_studio_console_is_shown_with_sends_and_buses():
    names = list(knob_demos("studio"))
    graph = load_console("studio")
    assert names[: len(graph.strip.knobs)] == graph.strip.names
    assert {"reverb_send", "reverb_decay_s", "delay_time_ms"} <= set(names)
    demo = knob_demos("studio")["reverb_decay_s"]
    assert demo.base_settings == pytest.approx({"reverb_send": 0.48})
    assert demo.description == "decay of reverb"
    assert demo.note == "Here with send × 0.48."


@pytest.mark.parametrize(
    ("bus", "knob", "value"), [("reverb", "decay_s", 0.8), ("delay", "time_ms", 120.0)]
)
def test_a_track_console_equals_the_graph_with_one_track(bus, knob, value, music):
    graph, tracks = load_console("studio"), music[None, None, :, :RATE].double()
    strip = {"peak1_db": 4.0, "pan": 0.3, f"{bus}_send": 0.4}
    settings = {"version": 1, "tracks": [strip], "buses": {bus: {knob: value}}}
    want = graph(tracks, RATE, graph.knobs_from(settings), limit=False)
    console = track_console(graph)
    knobs = console.knobs_from(strip | {f"{bus}_{knob}": value}).double()
    assert residual_db(console(tracks[:, 0], RATE, knobs, limit=False), want) <= -100


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mastering", "studio"])
def test_every_knob_of_a_large_console_has_a_demo_that_changes_the_song(name, music):
    versions = render_versions(music[:, :RATE], RATE, name)
    assert list(versions) == demo_console(name).names
    for group in versions.values():
        assert len(group) in {2, 3}
        assert not torch.allclose(group[0].audio, group[-1].audio, atol=1e-5)


@pytest.mark.slow
def test_the_page_of_a_large_console_is_small_and_says_how(song, tmp_path):
    output = tmp_path / "mastering.html"
    write_knob_demo(song, output, console="mastering")
    page = output.read_text(encoding="utf-8")
    assert "35 knobs" in page
    assert "MP3" in page
    embedded = dict(re.findall(r'<script type="audio/mpeg" id="([\w-]+)">([^<]+)', page))
    assert set(re.findall(r'data-sound="([\w-]+)"', page)) == set(embedded)
    audio, rate = soundfile.read(io.BytesIO(base64.b64decode(embedded["song"])))
    assert (rate, audio.shape[1]) == (RATE, 2)
    seconds = len(audio) / RATE
    assert seconds <= SHORT_EXCERPT_S
    assert len(page) < 3.5e6 * seconds


def test_an_unknown_console_is_named_with_the_known_ones(song):
    with pytest.raises(ValueError, match="no console named 'mine': there is classic, mastering"):
        write_knob_demo(song, song.with_suffix(".html"), console="mine")
