"""Mute and solo of tracks on the page, in a real browser."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from ai_mixer.listening import page as page_module
from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import TrackSamples


@pytest.fixture
def tracks(make):
    """A song of two tracks, whose sum is the version: 1/4 and 3/4 of it."""
    song = make("Two tracks")
    parts = {"Kick": 0.25, "Voice": 0.75}
    found = [
        TrackSamples(name, {version: share * audio for version, audio in song.versions().items()})
        for name, share in parts.items()
    ]
    return replace(song, tracks=found)


def test_tracks_are_embedded_up_to_a_limit(tracks, tmp_path, monkeypatch):
    text = write_page(tmp_path / "a.html", "Title", [tracks]).read_text()
    keys = re.findall(r'id="audio-0-(\w+-t\d)">([^<]*)<', text)
    assert [key for key, _ in keys] == [
        f"{version}-t{number}" for number in (0, 1) for version in ("rough", "mix", "finished")
    ]
    assert all(base64.b64decode(audio).startswith(b"OggS") for _, audio in keys)
    monkeypatch.setattr(page_module, "MAX_TRACK_BYTES", 1000)
    text = write_page(tmp_path / "b.html", "Title", [tracks]).read_text()
    assert "The 2 tracks are too large for this page" in text
    assert '-t0">' not in text


def test_tracks_without_a_version_are_refused(tracks):
    rough = tracks.versions()["rough"]
    for versions in ({"rough": rough}, dict(tracks.versions(), mix=rough[:, 1:])):
        with pytest.raises(ValueError, match="Kick needs the versions"):
            replace(tracks, tracks=[TrackSamples("Kick", versions)])


@pytest.mark.slow
@pytest.mark.browser
def test_mute_and_solo_are_in_step_with_the_versions(open_page, tracks):
    page = open_page(tracks)
    page.click("#match")
    expected = tracks.versions()
    page.click("#tracks tr:nth-child(1) td:nth-child(2) button")  # mute the kick
    for version in ("rough", "mix", "finished"):
        rendered = page.render(version, 0, (0, 2), False, 1.5)
        target = 0.75 * expected[version][:, : rendered.shape[1]]
        error = rendered - target
        assert np.square(error).sum() < 1e-3 * np.square(target).sum()  # −30 dB: in step
    page.click("#tracks tr:nth-child(1) td:nth-child(2) button")
    page.click("#tracks tr:nth-child(1) td:nth-child(3) button")  # solo the kick
    page.play()
    page.click("button[data-version=mix]")
    page.wait_for_level(-10.97 - 12.04)
    page.click("#tracks tr:nth-child(1) td:nth-child(3) button")
    page.wait_for_level(-10.97)  # the version itself
    assert (
        page.evaluate("Object.values(playback.gains).filter(x => x.gain.value > 1e-6).length") == 1
    )
    page.click("#tracks tr:nth-child(2) td:nth-child(2) button")  # mute while playing
    page.wait_for_level(-10.97 - 12.04)
    assert page.errors() == []


@pytest.mark.browser
def test_songs_without_tracks_have_no_such_card(page):
    assert page.evaluate("document.getElementById('tracks-card').hidden")
