"""Several tracks on the page: upload, balance, mute, export; what is audible is the export."""

import io

import numpy as np
import pytest
import soundfile

from helpers.measures import residual_db

pytestmark = pytest.mark.browser
ARROW_RIGHT, ARROW_LEFT = "\ue014", "\ue012"


def test_tracks_are_balanced_muted_and_exported_as_they_sound(page, tracks):
    page.upload(*tracks)
    assert page.text("title") == "Night"
    assert page.evaluate("document.querySelectorAll('.strip .name').length") == 4
    assert "silent" in page.evaluate("document.querySelector('.strip.silent').textContent")
    page.key(30 * ARROW_LEFT, "#fader_db-1")
    page.key(30 * ARROW_RIGHT, "#pan-0")
    page.click(".strip:nth-child(5) .toggle.muted")  # the files by name: bass, kick, spare, vox
    assert page.text("tracks-summary") == "2 of 4 tracks are audible."
    page.click(".strip:nth-child(3) .name")
    assert page.text("eq-title") == "Night kick"
    for knob in ("reverb_send", "peak1_db", "compressor_ratio"):
        page.key(20 * ARROW_RIGHT, f"#knob-{knob}")
    page.key(" ", "body")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    page.wait("/louder|quieter|equally/.test(document.getElementById('match-text').textContent)")

    page.click("#export")
    page.wait("document.querySelectorAll('#exports a').length === 3")
    path = page.evaluate("document.querySelector('#exports a').getAttribute('href')")
    exported, rate = soundfile.read(io.BytesIO(page.fetch(path)), dtype="float32")
    session = page.session()
    assert session["tracks"][3]["muted"]
    assert session["desks"]["1"]["locked"]
    live = page.render_tracks(rate, len(exported))
    assert np.abs(exported).max() > 0.01
    assert residual_db(live, exported.T) < -90
    assert page.errors() == []
