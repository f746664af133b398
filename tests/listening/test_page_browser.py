"""Playback of the page in a real browser."""

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


def test_buttons_select_the_audible_version(page: Any) -> None:
    assert page.evaluate("document.body.dataset.playing") == "false"
    page.click("#match")  # without loudness matching
    page.play()
    assert page.evaluate("document.body.dataset.playing") == "true"
    for version in ("rough", "mix", "finished"):
        page.click(f"button[data-version={version}]")
        assert page.evaluate("document.body.dataset.source") == version
        pressed = page.driver.find_elements("css selector", "[aria-pressed=true]")
        assert [button.get_attribute("data-version") for button in pressed] == [version]
        page.wait_for_only(version)
        page.wait_for_level(RMS_DB[version])
    page.click("#play")
    assert page.evaluate("document.body.dataset.playing") == "false"
    assert page.evaluate("position()") > 0
    assert page.errors() == []


def test_loudness_matching_gives_equal_levels(page: Any) -> None:
    page.play()
    for version in ("rough", "mix", "finished"):
        page.click(f"button[data-version={version}]")
        page.wait_for_level(RMS_DB["finished"])
    assert "Mix +6.0 dB" in page.text("matching")


def test_versions_are_in_sync_to_the_sample(page: Any) -> None:
    """Rough is the inverted mix divided by four: in sync, their sum with a gain cancels."""
    page.play()
    page.execute("for (const node of Object.values(playback.gains)) node.gain.value = 0")
    page.execute("playback.gains.mix.gain.value = 0.25")
    page.wait_for_level(RMS_DB["rough"])
    page.execute("playback.gains.rough.gain.value = 1")
    page.wait("currentLevels().every(level => level.rmsDb < -80)")
    assert page.evaluate("playback !== null")


def test_rendered_audio_equals_the_written_audio(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    """Every sample is the same 16-bit integer, also in a version above full scale."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 11025))
    samples = make("x", rough=noise, mix=2 * noise, finished=0.01 * noise[::-1])
    page = open_page(samples)
    page.click("#match")
    for version, audio in samples.versions().items():
        rendered = page.render(version, 0, (0, 0.5), False, 0.5)
        factor = page.evaluate(f"song().restoreGain.{version}")
        # Chromium divides negative integers by 32768 and positive ones by 32767.
        integers = np.round(rendered / factor * np.where(rendered < 0, 32768, 32767))
        written, _ = sf.read(
            io.BytesIO(encode_flac(audio, samples.sample_rate, 16)[0]), dtype="int16"
        )
        assert (integers == written.T).all()
        assert np.abs(written.T * factor / 2**15 - audio).max() <= 0.501 * factor / 2**15


def test_a_mono_song_plays_on_both_channels(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    stereo = make("x")
    mono = make("x", **{name: audio[:1] for name, audio in stereo.versions().items()})
    page = open_page(mono)
    page.play()
    page.wait_for_level(RMS_DB["finished"])


def test_position_advances_seeks_and_repeats(page: Any) -> None:
    page.play()
    before, now = page.evaluate("context.currentTime"), page.text("now")
    page.wait(f"context.currentTime > {before} + 0.3")
    page.wait(f"document.getElementById('now').textContent !== '{now}'")
    assert page.evaluate("document.getElementById('playhead').style.left") != "0%"
    page.execute(
        "const bar = document.getElementById('position');"
        "bar.value = 1.7; bar.dispatchEvent(new Event('change'))"
    )
    page.wait("position() > 1.7")
    page.wait("position() < 1")  # repeated from the start
    assert page.evaluate("document.body.dataset.playing") == "true"
    page.click("#repeat")
    page.wait("document.body.dataset.playing === 'false'")  # ends at the end of the song
    assert page.evaluate("position()") == 0


def test_a_click_on_a_spectrogram_seeks(page: Any) -> None:
    page.click("figure[data-version=finished]")  # in the middle
    assert page.evaluate("document.body.dataset.source") == "finished"
    assert page.evaluate("position()") == pytest.approx(SECONDS / 2, abs=0.05)


def test_opening_another_song_continues_playing(page: Any) -> None:
    page.click("#play")
    page.wait("position() > 0.3")
    page.click("#songs li:nth-child(2) button")
    page.wait("playback !== null && position() > 0.05")
    assert page.evaluate("document.body.dataset.song") == "1"
    assert page.evaluate("document.body.dataset.playing") == "true"
    page.wait_for_level(RMS_DB["finished"])


def test_no_audio_is_decoded_before_playing(page: Any) -> None:
    assert page.evaluate("context") is None
    assert page.evaluate("playback") is None
    assert page.evaluate("decoded.buffers") is None


def test_a_decoding_error_is_shown(page: Any) -> None:
    page.execute("document.getElementById('audio-0-mix').textContent = btoa('no music')")
    page.click("#play")
    page.wait("document.getElementById('status').textContent.includes('could not play')")
    assert page.evaluate("document.body.dataset.playing") == "false"
