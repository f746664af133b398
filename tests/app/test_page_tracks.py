"""Several tracks on the page: upload, balance, mute, export; what is audible is the export."""

import io
import time

import numpy as np
import pytest
import soundfile

from helpers.measures import residual_db
from helpers.tracks import RATE, track

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


@pytest.mark.slow
def test_solo_lead_undo_versions_and_a_reload(page, tracks):
    page.upload(*tracks)
    page.click(".strip:nth-child(3) .toggle.solo")
    assert page.text("tracks-summary").startswith("1 of 4 tracks are audible: solo is on")
    page.click("#undo")
    assert page.text("tracks-summary") == "3 of 4 tracks are audible."
    page.click(".strip:nth-child(5) .toggle.lead")
    page.key(10 * ARROW_LEFT, "#fader_db-0")
    page.click("#ask")
    page.wait("document.querySelectorAll('#history .entry').length === 2")
    assert page.fader(3) == "+3.0 dB"
    assert page.fader(0) != "0.0 dB"  # locked by turning it
    page.key(10 * ARROW_LEFT, "#fader_db-3")
    page.click("#history li:nth-child(2) .entry")
    assert page.fader(3) == "+3.0 dB"
    before = page.fader(0)
    page.click("#parts button:nth-child(1)")  # the reverb
    page.key(10 * ARROW_RIGHT, "#knob-decay_s")
    decay = page.value("decay_s")
    assert decay != "1.50 s"
    page.click("#stems")
    page.click("#daw")
    page.click("#export")
    page.wait("document.querySelectorAll('#exports a').length === 5")
    page.driver.refresh()
    page.wait("document.body.dataset.state === 'ready'")
    assert (page.fader(0), page.fader(3), page.value("decay_s")) == (before, "+3.0 dB", decay)
    assert page.text("eq-title") == "Reverb"
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 2
    assert page.errors() == []


@pytest.mark.slow
def test_many_tracks_of_one_name_in_a_folder_fit_on_a_phone(page, tmp_path):
    folder = tmp_path / "A song"
    folder.mkdir()
    audio = track(0, seconds=1.0, channels=1)
    for number in range(20):
        soundfile.write(folder / f"{number:02d} {'a long name ' * 8}.wav", audio, RATE, "PCM_16")
    soundfile.write(folder / "final mix.wav", audio, RATE)
    (folder / "notes.txt").write_text("no audio")
    page.driver.find_element("id", "folder").send_keys(str(folder))
    page.wait("document.body.dataset.state === 'ready'")
    assert page.text("title") == "A song"
    assert page.evaluate("document.querySelectorAll('.strip .name').length") == 20
    size = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.slow
def test_tracks_and_their_sum_are_in_step_after_a_start_and_in_a_loop(page, tracks):
    page.upload(tracks[0], tracks[3])  # one is silent, so the neutral mix is a multiple of the sum
    while "desks" not in page.session():  # it is saved a moment later
        time.sleep(0.05)
    moved = {"frame": 1000, "at": 30_001, "from": 20_011, "to": 50_003, "repeat": True}
    mix, rough = (page.render_tracks(RATE, 200_000, rough, **moved) for rough in (False, True))
    gain = (mix * rough).sum() / np.square(rough).sum()
    assert residual_db(gain * rough[:, 1500:], mix[:, 1500:]) < -90  # after the crossfade
    assert np.abs(rough[:, -1000:]).max() > 0.01


@pytest.mark.slow
def test_a_long_song_is_loaded_in_pieces_while_it_plays(page, tmp_path):
    files = [tmp_path / f"Long {name}.wav" for name in ("bass", "vox")]
    for number, file in enumerate(files):
        audio = np.tile(track(number, seconds=1.0, channels=1), (120, 1))
        soundfile.write(file, audio, RATE, "PCM_16")
    page.upload(*files)

    def pieces():
        return page.evaluate(
            "performance.getEntriesByType('resource').map((entry) => entry.name)"
            ".filter((name) => name.includes('audio/tracks?')).length"
        )

    page.wait("/louder|quieter|equally/.test(document.getElementById('match-text').textContent)")
    before = pieces()  # of the excerpt that the loudness is measured on
    page.key(" ")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    assert 2 <= pieces() - before <= 8
    page.driver.execute_script(
        "const slider = document.getElementById('position'); slider.value = 100;"
        "slider.dispatchEvent(new Event('input'))"
    )
    page.wait(
        "performance.getEntriesByType('resource').some(({ name }) => name.includes"
        f"('audio/tracks?start={134 * 2**15}'))"
    )
    assert pieces() - before <= 20
    assert page.errors() == []
