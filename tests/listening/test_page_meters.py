"""Level meter of the page, in dB of full scale."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

RATE = 22050
TIME = np.arange(2 * RATE) / RATE


@pytest.mark.parametrize(("left_db", "right_db"), [(-1, -6), (-20, -20), (-45, -12)])
def test_meter_shows_the_level_of_a_sine(
    open_page: Callable[..., Any],
    make: Callable[..., SongSamples],
    left_db: float,
    right_db: float,
) -> None:
    """Peak equals the level, root mean square is 3.01 dB lower, both ± 0.5 dB."""
    sine = np.sin(2 * np.pi * 997 * TIME)
    audio = np.stack([10 ** (db / 20) * sine for db in (left_db, right_db)])
    page = open_page(make("x", rough=audio, mix=audio, finished=audio))
    page.click("#match")
    page.click("#play")
    for channel, db in enumerate((left_db, right_db)):
        near = f"Math.abs(currentLevels()[{channel}].%s - (%g)) < 0.5"
        page.wait(near % ("rmsDb", db - 3.01))
        page.wait(near % ("peakDb", db))
    page.wait(
        f"Math.abs(parseFloat(byId('peak').textContent.replace('−', '-'))"
        f" - ({max(left_db, right_db)})) < 0.5"
    )


def test_the_peak_is_held_then_released(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    impulse = np.zeros((2, 4 * RATE))
    impulse[:, RATE // 2] = 0.8
    page = open_page(make("x", rough=impulse, mix=impulse, finished=impulse))
    page.click("#match")
    page.click("#play")
    page.wait("position() > 0.5 && currentLevels()[0].peakDb > -3")
    page.wait("currentLevels()[0].rmsDb < -60")  # the impulse has left the window
    assert page.evaluate("currentLevels()[0].peakDb") == pytest.approx(20 * np.log10(0.8), abs=0.5)
    page.wait("currentLevels()[0].peakDb < -60")
    assert page.evaluate("position()") > 0.5 + 1.4


def test_meter_is_at_its_minimum_when_nothing_plays(page: Any) -> None:
    def check_minimum() -> None:
        assert (page.text("peak"), page.text("rms")) == ("–", "–")
        assert page.evaluate("byId('meter').getAttribute('aria-valuenow')") == "-60"
        bars = "queryAll('#meter .channel').map(bar => [bar.style.getPropertyValue('--rms'),"
        assert page.evaluate(f"{bars} bar.style.getPropertyValue('--peak')])") == [["0", "0"]] * 2

    check_minimum()
    page.play()
    page.wait("byId('rms').textContent.includes('dBFS')")
    page.click("#play")
    check_minimum()
    page.execute(
        "window.frames = 0; const old = showTime; showTime = () => { window.frames += 1; old() }"
    )
    page.driver.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
    )
    assert page.evaluate("window.frames") == 0
