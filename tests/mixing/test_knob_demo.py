"""The page that lets one hear the knobs: it plays what it says, and needs nothing else."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
import torch

from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.knob_demo import KNOB_DEMOS, LEVEL_KNOB, render_versions
from ai_mixer.mixing.knob_demo_page import EXCERPT_S, FADE_S, write_knob_demo

RATE = 44_100


@pytest.fixture(scope="module")
def made(music):
    return render_versions(music, RATE)


@pytest.fixture
def page(song):
    output = song.with_suffix(".html")
    write_knob_demo(song, output)
    return output.read_text(encoding="utf-8")


def lufs(audio):
    return float(loudness_lufs(audio[None], RATE))


def test_every_knob_is_shown_from_low_to_high_with_neutral_between():
    knobs = console_cache.knobs_by_name()
    assert list(KNOB_DEMOS) == list(knobs)
    for name, shown in KNOB_DEMOS.items():
        assert list(shown.values) == sorted(set(shown.values))
        assert len(shown.values) == 3
        assert knobs[name].neutral in shown.values
        assert knobs[name].low <= shown.values[0] <= shown.values[-1] <= knobs[name].high


def test_neutral_is_the_song_but_for_one_gain_on_all(made, music):
    neutral = [one.audio for many in made.values() for one in many if one.neutral]
    assert len(neutral) == len(KNOB_DEMOS) - 1  # the compressor is on where the input gain is shown
    gain = float(neutral[0].abs().max() / music.abs().max())
    assert gain <= 1
    for audio in neutral:
        assert float((audio - gain * music).abs().max()) < 1e-5


def test_versions_are_equally_loud_and_fit(made):
    loudness = lufs(made["low_eq"][1].audio)
    for name, many in made.items():
        for one in many:
            assert float(one.audio.abs().max()) <= 10 ** (-1 / 20) + 1e-6
            if name != LEVEL_KNOB:
                assert lufs(one.audio) == pytest.approx(loudness, abs=0.1)
    levels = [lufs(one.audio) - loudness for one in made[LEVEL_KNOB]]
    assert levels == pytest.approx([-3.1, 0.0, 2.9], abs=0.1)


def test_every_knob_can_be_heard(made):
    for name, many in made.items():
        for one, other in pairwise(many):
            change = (one.audio - other.audio).square().mean() / one.audio.square().mean()
            assert float(change) > 1e-4, name


def test_the_page_plays_what_it_holds_and_holds_what_it_plays(page, music, made):
    played = re.findall(r'data-sound="([\w-]+)"', page)
    held = dict(re.findall(r'<script type="audio/flac" id="([\w-]+)">([^<]+)', page))
    assert set(played) == set(held)
    assert len(played) == 3 * len(KNOB_DEMOS)
    for text in held.values():
        audio, rate = soundfile.read(io.BytesIO(base64.b64decode(text)))
        assert (rate, audio.shape) == (RATE, (music.shape[1], 2))
    audio = soundfile.read(io.BytesIO(base64.b64decode(held["low_eq-2"])), dtype="float32")[0]
    inner = slice(round(2 * FADE_S * RATE), RATE)
    expected = made["low_eq"][2].audio.T[inner]
    assert float((torch.from_numpy(audio)[inner] - expected).std() / expected.std()) < 0.05


def test_the_page_says_what_each_knob_is_as_the_docs_do(page):
    docs = Path(__file__).parents[2].joinpath("docs/for-musicians.md").read_text(encoding="utf-8")
    for name, shown in KNOB_DEMOS.items():
        assert f"<code>{name}</code>" in page
        assert shown.description in page
        assert f"| `{name}` | {shown.description} |" in docs


def test_the_page_needs_nothing_from_elsewhere(page):
    text = re.sub(r'<script type="audio/flac".*?</script>', "", page)
    assert "http://" not in text
    assert "https://" not in text
    assert not re.search(r"\bsrc=|<link|@import|url\(", text)


def test_a_long_mono_song_is_shown_by_its_loudest_seconds(tmp_path):
    quiet = 0.01 * torch.randn(1, 30 * 8000, generator=torch.Generator().manual_seed(0))
    quiet[:, 16 * 8000 : 24 * 8000] *= 20
    soundfile.write(tmp_path / "long <b>.wav", quiet.T.numpy(), 8000)
    write_knob_demo(tmp_path / "long <b>.wav", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "long &lt;b&gt;.wav" in page
    assert "from 0:16" in page
    flac = base64.b64decode(re.search(r'id="song">([^<]+)', page)[1])
    assert soundfile.read(io.BytesIO(flac), always_2d=True)[0].shape == (EXCERPT_S * RATE, 1)


def test_nothing_is_overwritten_and_silence_is_no_song(song, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        write_knob_demo(song, page)
    assert page.read_text() == "mine"
    write_knob_demo(song, page, force=True)
    assert "Ten knobs" in page.read_text()
    with pytest.raises(ValueError, match=r"call it page\.html"):
        write_knob_demo(song, tmp_path / "page.wav")
    soundfile.write(tmp_path / "still.wav", torch.zeros(8000, 1).numpy(), 8000)
    with pytest.raises(ValueError, match="is silent"):
        write_knob_demo(tmp_path / "still.wav", tmp_path / "still.html")
    assert not (tmp_path / "still.html").exists()
