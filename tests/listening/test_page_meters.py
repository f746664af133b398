"""The meter reads what plays, in dB of full scale."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

RATE = 22050
TIME = np.arange(2 * RATE) / RATE


@pytest.mark.parametrize(("left_db", "right_db"), [(-1, -6), (-20, -20), (-45, -12)])
def test_a_sine_reads_its_level(
    open_page: Callable[..., Any],
    make: Callable[..., SongSamples],
    left_db: float,
    right_db: float,
) -> None:
    """Peak is the level, root mean square 3.01 dB less, both to 0.5 dB."""
    sine = np.sin(2 * np.pi * 997 * TIME)
    audio = np.stack([10 ** (db / 20) * sine for db in (left_db, right_db)])
    page = open_page(make("x", rough=audio, mix=audio, finished=audio))
    page.press("#match")
    page.press("#play")
    for channel, db in enumerate((left_db, right_db)):
        near = f"Math.abs(levelsNow()[{channel}].%s - (%g)) < 0.5"
        page.wait(near % ("rmsDb", db - 3.01))
        page.wait(near % ("peakDb", db))
    page.wait(
        f"Math.abs(parseFloat(element('peak').textContent.replace('−', '-'))"
        f" - ({max(left_db, right_db)})) < 0.5"
    )


def test_the_peak_is_held_and_let_go(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    knock = np.zeros((2, 4 * RATE))
    knock[:, RATE // 2] = 0.8
    page = open_page(make("x", rough=knock, mix=knock, finished=knock))
    page.press("#match")
    page.press("#play")
    page.wait("position() > 0.5 && levelsNow()[0].peakDb > -3")
    page.wait("levelsNow()[0].rmsDb < -60")  # the window has passed it
    assert page.ask("levelsNow()[0].peakDb") == pytest.approx(20 * np.log10(0.8), abs=0.5)
    page.wait("levelsNow()[0].peakDb < -60")
    assert page.ask("position()") > 0.5 + 1.4


def test_it_rests_when_nothing_plays(page: Any) -> None:
    def rests() -> None:
        assert (page.text("peak"), page.text("rms")) == ("–", "–")
        assert page.ask("element('meter').getAttribute('aria-valuenow')") == "-60"
        bars = "all('#meter .channel').map(bar => [bar.style.getPropertyValue('--rms'),"
        assert page.ask(f"{bars} bar.style.getPropertyValue('--peak')])") == [["0", "0"]] * 2

    rests()
    page.play()
    page.wait("element('rms').textContent.includes('dBFS')")
    page.press("#play")
    rests()
    page.do("window.drawn = 0; const old = showTime; showTime = () => { drawn += 1; old() }")
    page.driver.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
    )
    assert page.ask("drawn") == 0
