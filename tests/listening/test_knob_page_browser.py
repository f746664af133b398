"""The page of the ten knobs in a real browser."""

import pytest
import soundfile

from ai_mixer.mixing.knob_demo_page import write_knob_demo

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser, open_file, tmp_path, music):
    soundfile.write(tmp_path / "song.wav", music.T.numpy(), 44_100)
    write_knob_demo(tmp_path / "song.wav", tmp_path / "page.html")
    return open_file(browser, tmp_path / "page.html")


def pressed(page):
    return page.evaluate("buttons.filter(b => b.ariaPressed === 'true').map(b => b.dataset.sound)")


def test_buttons_play_continue_at_the_same_position_and_stop(page):
    page.click("[data-sound=low_eq-0]")
    page.wait("playing && playing.button.dataset.sound === 'low_eq-0'")
    start_time = page.evaluate("playing.startTime")
    page.click("[data-sound=reverb-2]")
    page.wait("playing.button.dataset.sound === 'reverb-2'")
    length = page.evaluate("playing.source.buffer.duration")
    late = (page.evaluate("playing.startTime") - start_time) % length
    assert min(late, length - late) < 1e-6
    assert pressed(page) == ["reverb-2"]
    page.click("[data-sound=reverb-2]")
    page.wait("playing === null")
    assert pressed(page) == []
    assert page.errors() == []


def test_escape_stops(page):
    page.click("[data-sound=song]")
    page.wait("playing !== null")
    page.key("\ue00c")
    page.wait("playing === null")
    assert pressed(page) == []
