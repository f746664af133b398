"""Several tracks on the page: upload, balance, mute, export; what is audible is the export."""

import io

import numpy as np
import pytest
import soundfile

from helpers.measures import residual_db
from helpers.tracks import RATE, track

pytestmark = pytest.mark.browser
ARROW_RIGHT, ARROW_LEFT = "\ue014", "\ue012"


@pytest.fixture
def tracks(tmp_path):
    """Files of a song: stereo, mono, silent."""
    files = []
    for number, name in enumerate(("Night kick", "Night bass", "Night vox", "Night spare")):
        audio = track(number, seconds=2.0, channels=1 if number == 1 else 2)
        file = tmp_path / f"{name}.wav"
        soundfile.write(file, audio * (number < 3), RATE, "PCM_16")
        files.append(file)
    return files


def test_tracks_are_balanced_muted_and_exported_as_they_sound(page, tracks):
    page.upload(*tracks)
    assert page.text("title") == "Night"
    assert page.evaluate("document.querySelectorAll('.strip').length") == 4
    assert "silent" in page.evaluate("document.querySelector('.strip.silent').textContent")
    for _ in range(30):
        page.key(ARROW_LEFT, "#fader_db-1")
        page.key(ARROW_RIGHT, "#pan-0")
    page.click(".strip:nth-child(4) .muted")  # the files by name: bass, kick, spare, vox
    assert page.text("tracks-summary") == "2 of 4 tracks are audible."
    page.click(".strip:nth-child(2) .name")
    assert page.text("eq-title") == "Night kick"
    for _ in range(20):
        page.key(ARROW_RIGHT, "#knob-reverb_send")
        page.key(ARROW_RIGHT, "#knob-peak1_db")
        page.key(ARROW_RIGHT, "#knob-compressor_ratio")
    page.key(" ", "body")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    page.wait("document.getElementById('match-text').textContent.includes('loud')")

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
