"""The page in a real browser: what is pressed is what is heard."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from ai_mixer.listening.flac import encode_flac
from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

SECONDS = 2.0
RMS_DB = {"rough": -22.98, "mix": -10.97, "finished": -4.95}  # sines of 0.1, 0.4 and 0.8


def test_buttons_choose_what_is_heard(page: Any) -> None:
    assert page.ask("document.body.dataset.playing") == "false"
    page.press("#match")  # every version at its own level
    page.play()
    assert page.ask("document.body.dataset.playing") == "true"
    for version in ("rough", "mix", "finished"):
        page.press(f"button[data-version={version}]")
        assert page.ask("document.body.dataset.source") == version
        pressed = page.driver.find_elements("css selector", "[aria-pressed=true]")
        assert [button.get_attribute("data-version") for button in pressed] == [version]
        page.wait_for_only(version)
        page.wait_for_level(RMS_DB[version])
    page.press("#play")
    assert page.ask("document.body.dataset.playing") == "false"
    assert page.ask("position()") > 0
    assert page.complaints() == []


def test_same_loudness_makes_them_equal(page: Any) -> None:
    page.play()
    for version in ("rough", "mix", "finished"):
        page.press(f"button[data-version={version}]")
        page.wait_for_level(RMS_DB["finished"])
    assert "Mix +6.0 dB" in page.text("matching")


def test_the_versions_run_in_the_same_sample(page: Any) -> None:
    """Rough is the mix turned over and divided by four: together they cancel, if in step."""
    page.play()
    page.do("for (const node of Object.values(voice.gains)) node.gain.value = 0")
    page.do("voice.gains.mix.gain.value = 0.25")
    page.wait_for_level(RMS_DB["rough"])
    page.do("voice.gains.rough.gain.value = 1")
    page.wait("levelsNow().every(level => level.rmsDb < -80)")
    assert page.ask("voice !== null")


def test_what_is_heard_is_what_was_written(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    """Every sample is the same integer of 16 bits, also in a version above full scale."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 11025))
    given = make("x", rough=noise, mix=2 * noise, finished=0.01 * noise[::-1])
    page = open_page(given)
    page.press("#match")
    for version, audio in given.versions().items():
        heard = page.render(version, 0, (0, 0.5), False, 0.5)
        factor = page.ask(f"song().restore.{version}")
        # Chromium divides negative integers by 32768 and positive ones by 32767.
        integers = np.round(heard / factor * np.where(heard < 0, 32768, 32767))
        written, _ = sf.read(
            io.BytesIO(encode_flac(audio, given.sample_rate, 16)[0]), dtype="int16"
        )
        assert (integers == written.T).all()
        assert np.abs(written.T * factor / 2**15 - audio).max() <= 0.501 * factor / 2**15


def test_a_mono_song_plays_on_both_sides(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    both = make("x")
    mono = make("x", **{name: audio[:1] for name, audio in both.versions().items()})
    page = open_page(mono)
    page.play()
    page.wait_for_level(RMS_DB["finished"])


def test_position_goes_on_seeks_and_repeats(page: Any) -> None:
    page.play()
    before, now = page.ask("context.currentTime"), page.text("now")
    page.wait(f"context.currentTime > {before} + 0.3")
    page.wait(f"document.getElementById('now').textContent !== '{now}'")
    assert page.ask("document.getElementById('playhead').style.left") != "0%"
    page.do(
        "const bar = document.getElementById('position');"
        "bar.value = 1.7; bar.dispatchEvent(new Event('change'))"
    )
    page.wait("position() > 1.7")
    page.wait("position() < 1")  # round the end
    assert page.ask("document.body.dataset.playing") == "true"
    page.press("#repeat")
    page.wait("document.body.dataset.playing === 'false'")  # and now it ends there
    assert page.ask("position()") == 0


def test_a_click_on_a_picture_goes_there(page: Any) -> None:
    page.press("figure[data-version=finished]")  # in the middle
    assert page.ask("document.body.dataset.source") == "finished"
    assert page.ask("position()") == pytest.approx(SECONDS / 2, abs=0.05)


def test_another_song_plays_on(page: Any) -> None:
    page.press("#play")
    page.wait("position() > 0.3")
    page.press("#songs li:nth-child(2) button")
    page.wait("voice !== null && position() > 0.05")
    assert page.ask("document.body.dataset.song") == "1"
    assert page.ask("document.body.dataset.playing") == "true"
    page.wait_for_level(RMS_DB["finished"])


def test_nothing_is_decoded_before_it_is_played(page: Any) -> None:
    assert page.ask("context") is None
    assert page.ask("voice") is None
    assert page.ask("decoded.buffers") is None


def test_audio_that_cannot_be_decoded_is_said(page: Any) -> None:
    page.do("document.getElementById('audio-0-mix').textContent = btoa('no music')")
    page.press("#play")
    page.wait("document.getElementById('status').textContent.includes('could not play')")
    assert page.ask("document.body.dataset.playing") == "false"
