"""The page in a real browser: upload, mix, turn a knob, export, reload."""

import io

import pytest
import soundfile

from helpers.measures import residual_db

pytestmark = pytest.mark.browser
ARROW_RIGHT = "\ue014"


def test_a_visitor_mixes_turns_a_knob_exports_and_finds_it_again(page, wav):
    page.upload(wav)
    assert page.text("title") == "My song.wav"
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1

    page.key(" ")
    page.wait("document.getElementById('play-label').textContent === 'Pause'")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    page.key("1")
    assert page.evaluate("document.body.dataset.audible") == "rough"
    page.key("2")
    page.key(" ")
    assert page.text("play-label") == "Play"

    before = page.value("low_eq")
    page.key(30 * ARROW_RIGHT, "#knob-low_eq")
    after = page.value("low_eq")
    assert after != before
    assert page.evaluate("!document.getElementById('undo').disabled")
    page.wait("/louder|quieter|equally/.test(document.getElementById('match-text').textContent)")

    page.click("#export")
    page.wait("document.querySelectorAll('#exports a').length === 2")
    path = page.evaluate("document.querySelector('#exports a').getAttribute('href')")
    exported, rate = soundfile.read(io.BytesIO(page.fetch(path)), dtype="float32")
    session = page.session()
    settings = session["desks"]["classic"]["settings"]
    assert session["desks"]["classic"]["locked"] == ["low_eq"]
    audible = page.render("classic", settings.values(), rate, len(exported))
    assert residual_db(audible, exported.T) < -90

    page.driver.refresh()
    page.wait("document.body.dataset.state === 'ready'")
    assert page.value("low_eq") == after
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1
    assert page.errors() == []
