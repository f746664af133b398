"""Held-out songs of a run in the application: one file each, or several tracks."""

import io

import pytest
import soundfile

from ai_mixer.app.access import Access
from ai_mixer.app.run_songs import listening_songs
from ai_mixer.app.server import create_app
from ai_mixer.core.roles import role_from_name
from ai_mixer.core.track import ROLES
from ai_mixer.listening import (
    Mix,
    SongSamples,
    TrackSamples,
    write_flac_files,
    write_track_files,
)
from helpers.app import HOST, PORT, TOKEN, InlineRunner, wait_for
from helpers.app_page import Page
from helpers.measures import residual_db
from helpers.tracks import RATE, save_track_model, track

HEADERS = {"authorization": f"Bearer {TOKEN}"}


def test_a_run_brings_its_model_and_held_out_songs_once(home, two_models, wav_bytes, tmp_path):
    from fastapi.testclient import TestClient

    for version in ("rough", "finished"):
        (tmp_path / f"night_{version}.flac").write_bytes(wav_bytes)
    songs = listening_songs(tmp_path, "run=last")
    access = Access(TOKEN, PORT)
    model = two_models / "ast_regressor"
    for _ in range(2):  # the second start finds the song
        app = create_app(home, access, InlineRunner(home), models={"Run last": model}, songs=songs)
        with TestClient(app, f"http://{HOST}", headers=HEADERS) as client:
            for job in client.get("/api/jobs").json():
                assert wait_for(client, job)["state"] == "done"
            (song,) = client.get("/api/songs").json()
            assert song["name"] == "night (run=last)"
            assert song["reference"]["file"] == "night_finished.flac"
            first = client.get("/api/info").json()["models"][0]
            assert (first["name"], first["console"]) == (str(model), "classic")
            path = f"/api/songs/{song['id']}/predictions"
            job = client.post(path, json={"console": "classic", "model": str(model)}).json()
            assert wait_for(client, job)["result"]["console"] == "classic"
            other = client.post(path, json={"console": "classic", "model": "/tmp"})
            assert (other.status_code, "no model" in other.json()["error"]) == (404, True)


def test_a_run_without_samples_says_what_writes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="make render run=1a2b"):
        listening_songs(tmp_path, "run=1a2b")


@pytest.fixture
def track_run(tmp_path):
    """Listening samples of a song with a mono and a stereo track; the song."""
    drums, other = track(0, seconds=1.0).T, track(1, seconds=1.0, pan=0.5).T
    versions = {"rough": drums + other, "mix": 2 * drums + other, "finished": drums + 0.3 * other}
    tracks = [
        TrackSamples(f"Track {number}", dict.fromkeys(versions, audio), role)
        for number, audio, role in ((1, drums, "drums"), (2, other, None))
    ]
    rough, mix, finished = versions.values()
    song = SongSamples("night", RATE, rough, {"mix": Mix(mix)}, finished, tracks=tracks)
    write_flac_files(tmp_path / "listening", song)
    write_track_files(tmp_path / "listening", song)
    return song


def test_a_run_of_several_tracks_brings_the_tracks_of_its_songs(home, tmp_path, track_run):
    from fastapi.testclient import TestClient

    songs = listening_songs(tmp_path / "listening", "run=last")
    for _ in range(2):  # the second start finds the song
        app = create_app(home, Access(TOKEN, PORT), InlineRunner(home), songs=songs)
        with TestClient(app, f"http://{HOST}", headers=HEADERS) as client:
            for job in client.get("/api/jobs").json():
                assert wait_for(client, job)["state"] == "done"
            (song,) = client.get("/api/songs").json()
            found = [(each["name"], each["role"], each["channels"]) for each in song["tracks"]]
            assert found == [("01 drums.flac", "drums", 1), ("02 track.flac", None, 2)]
            assert song["reference"]["file"] == "night_finished.flac"
            served = client.get(f"/api/songs/{song['id']}/audio/source").content
    rough, _ = soundfile.read(io.BytesIO(served), dtype="float32")
    assert residual_db(rough.T, track_run.rough) < -100


def test_tracks_of_an_earlier_rendering_are_removed(tmp_path, track_run):
    folder = tmp_path / "listening" / "night_tracks"
    (folder / "03 vocals.flac").write_bytes(b"")
    assert [file.name for file in write_track_files(tmp_path / "listening", track_run)] == [
        file.name for file in sorted(folder.iterdir())
    ]


@pytest.mark.parametrize("role", ROLES)
def test_the_name_of_a_track_of_a_sample_says_its_role(role):
    assert role_from_name(f"07 {role}") == role


@pytest.mark.browser
@pytest.mark.slow
def test_a_song_of_a_run_is_opened_as_tracks_that_the_model_of_the_run_has_set(
    browser, serve, home, tmp_path, compose, track_run
):
    options = ("task=remix", "model.width=16", "model.layers=1", "loader.excerpt_s=1")
    save_track_model(tmp_path / "model", compose(*options))
    songs = listening_songs(tmp_path / "listening", "run=last")
    models = {"Run last": tmp_path / "model"}
    page = Page(browser, serve(InlineRunner(home), models=models, songs=songs))
    page.wait("document.querySelectorAll('#recent .entry').length === 1")
    page.open()
    page.wait("document.getElementById('ask-status').textContent.startsWith('Done')")
    assert page.text("history").startswith("1. Run last")
    assert page.evaluate("document.querySelectorAll('.strip .name').length") == 2
    assert page.fader(0) != "0.0 dB"
    roles = "[...document.querySelectorAll('.strip select')].map((each) => each.value)"
    assert page.evaluate(roles) == ["drums", ""]
    for key, version in (("1", "rough"), ("3", "reference"), ("2", "mix")):
        page.key(key)
        assert page.evaluate("document.body.dataset.audible") == version
    page.key(" ")
    page.wait("document.querySelector('#meters dd').textContent.includes('LUFS')")
    page.driver.refresh()  # what the model has set is kept and not asked for again
    page.wait("document.body.dataset.state === 'ready'")
    assert page.evaluate("document.querySelectorAll('#history .entry').length") == 1
    assert page.errors() == []
    browser.get("about:blank")
