"""Songs of several tracks over HTTP: upload, import, predictions, exports."""

import io
import json
import zipfile

import numpy as np
import pytest
import soundfile

from ai_mixer.app.access import Access
from ai_mixer.app.library import Library
from ai_mixer.app.limits import Limits
from ai_mixer.app.server import create_app
from ai_mixer.inference import pretrained
from helpers.app import HOST, PORT, TOKEN, InlineRunner, wait_for
from helpers.measures import residual_db
from helpers.tracks import RATE, save_track_model, track


@pytest.fixture
def real_client(open_client, home):
    with open_client(InlineRunner(home)) as client:
        yield client


def new_song(client):
    """Id of a song with three tracks, one of them silent."""
    made = client.post("/api/track-songs?name=Night").json()
    for name, data in FILES.items():
        answer = client.post(f"/api/songs/{made['id']}/tracks?name={name}", content=data)
        assert answer.json() == {"name": name}
    started = client.post(f"/api/songs/{made['id']}/tracks/import").json()
    assert wait_for(client, started["job"])["state"] == "done"
    return made["id"]


def wav(number, **options):
    file = io.BytesIO()
    soundfile.write(file, track(number, seconds=1.5, **options), RATE, "PCM_16", format="WAV")
    return file.getvalue()


def silence():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((RATE, 2)), RATE, "PCM_16", format="WAV")
    return file.getvalue()


FILES = {"kick.wav": wav(0), "vox.wav": wav(2, channels=1), "spare.wav": silence()}


@pytest.fixture
def song(real_client):
    return new_song(real_client)


def run(client, path, body):
    job = wait_for(client, client.post(path, json=body).json())
    assert job["state"] == "done", job["error"]
    return job["result"]


def test_tracks_are_decoded_measured_and_summed(real_client, song):
    facts = real_client.get(f"/api/songs/{song}").json()
    assert (facts["name"], facts["state"]) == ("Night", "ready")
    named = {each["name"]: each for each in facts["tracks"]}
    assert list(named) == ["kick.wav", "spare.wav", "vox.wav"]
    assert [named[n]["role"] for n in ("kick.wav", "vox.wav")] == ["drums", "vocals"]
    assert (named["spare.wav"]["silent"], named["spare.wav"]["gain"]) == (True, 0.0)
    assert named["vox.wav"]["channels"] == 1
    served = real_client.get(f"/api/songs/{song}/audio/tracks/2").content
    decoded, _ = soundfile.read(io.BytesIO(served), dtype="float32")
    original, _ = soundfile.read(io.BytesIO(FILES["vox.wav"]), dtype="float32")
    assert np.array_equal(decoded, original)
    start, samples = 60_000, 10_000  # beyond the end: silence
    path = f"/api/songs/{song}/audio/tracks?start={start}&samples={samples}"
    part = np.frombuffer(real_client.get(path).content, np.float32).reshape(3, samples)
    assert np.array_equal(part[2], np.pad(original[start:], (0, samples))[:samples])
    assert real_client.get(path.replace("10000", "9999999")).status_code == 422
    rough = real_client.get(f"/api/songs/{song}/audio/source").content
    total, _ = soundfile.read(io.BytesIO(rough), dtype="float32")
    kick, _ = soundfile.read(io.BytesIO(FILES["kick.wav"]), dtype="float32")
    assert residual_db(total, kick + original[:, None]) < -120


def test_equal_loudness_roles_leads_and_mutes_without_a_model(real_client, song):
    body = {"leads": ["vox.wav"], "roles": {"vox.wav": "lead"}}
    found = run(real_client, f"/api/songs/{song}/tracks/predictions", body)["settings"]
    tracks = {each["name"]: each for each in found["tracks"]}
    assert set(tracks) == {"kick.wav", "vox.wav"}
    assert (tracks["vox.wav"]["fader_db"], tracks["vox.wav"]["role"]) == (pytest.approx(3), "lead")
    muted = run(real_client, f"/api/songs/{song}/tracks/predictions", {"muted": ["kick.wav"]})
    assert [each["name"] for each in muted["settings"]["tracks"]] == ["vox.wav"]
    answer = real_client.post(f"/api/songs/{song}/tracks/predictions", json={"model": "ast"})
    assert answer.status_code == 404


def test_the_model_of_a_run_of_several_tracks_is_asked(home, tmp_path, compose):
    from fastapi.testclient import TestClient

    options = ("task=remix", "model.width=16", "model.layers=1", "loader.excerpt_s=1")
    save_track_model(tmp_path / "model", compose(*options))
    models = {"Run last": tmp_path / "model"}
    app = create_app(home, Access(TOKEN, PORT), InlineRunner(home), models=models)
    headers = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(app, f"http://{HOST}", headers=headers) as client:
        model, packaged = client.get("/api/info").json()["tracks"]["models"]
        assert (model["title"], packaged["name"]) == ("Run last", pretrained.track_model())
        song = new_song(client)
        path = f"/api/songs/{song}/tracks/predictions"
        found = run(client, path, {"model": model["name"], "roles": {"vox.wav": None}})
    faders = [track["fader_db"] for track in found["settings"]["tracks"]]
    assert all(abs(fader_db) > 1 for fader_db in faders)
    assert "role" not in found["settings"]["tracks"][1]


def test_an_export_has_the_settings_stems_that_sum_to_it_and_projects(real_client, song):
    settings = {
        "tracks": [
            {"name": "kick.wav", "fader_db": -4.0, "pan": 0.5},
            {"name": "vox.wav", "role": "lead", "reverb_send": 0.3},
        ]
    }
    body = {"settings": settings, "stems": True, "daw": True, "target": -25}
    result = run(real_client, f"/api/songs/{song}/tracks/exports", body)
    names = result["files"]
    assert [name.rpartition(" ")[2] for name in names] == [
        "(mix).wav", "(mix).json", "(mix).html", "stems.zip", "DAW.zip",
    ]  # fmt: skip

    def fetch(name):
        return real_client.get(f"/api/songs/{song}/exports/{result['id']}/{name}").content

    saved = {each["name"]: each for each in json.loads(fetch(names[1]))["settings"]["tracks"]}
    assert saved["kick.wav"]["fader_db"] == pytest.approx(-4.0, abs=1e-3)
    assert saved["vox.wav"]["role"] == "lead"
    mix, _ = soundfile.read(io.BytesIO(fetch(names[0])), dtype="float32")
    with zipfile.ZipFile(io.BytesIO(fetch(names[3]))) as stems:
        assert stems.namelist() == ["kick.wav", "reverb.wav", "vox.wav"]
        audio = [soundfile.read(io.BytesIO(stems.read(n)), dtype="float32")[0] for n in FILES_OF]
    total = sum(audio)
    gain = (mix * total).sum() / np.square(total).sum()
    assert residual_db(gain * total, mix) < -90
    with zipfile.ZipFile(io.BytesIO(fetch(names[4]))) as daw:
        assert daw.namelist() == [
            "Night (mix).dawproject", "Night (mix).rpp", "audio/kick.wav", "audio/vox.wav",
        ]  # fmt: skip
        assert b'FILE "audio/kick.wav"' in daw.read("Night (mix).rpp")


FILES_OF = ("kick.wav", "reverb.wav", "vox.wav")


def test_requests_that_do_not_fit_are_refused_in_one_line(real_client, song, wav_bytes):
    def refused(answer, status, text):
        assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text

    path = f"/api/songs/{song}"
    refused(real_client.post(f"{path}/exports", json={"console": "classic"}), 409, "several tracks")
    late = real_client.post(f"{path}/tracks?name=late.wav", content=FILES["kick.wav"])
    refused(late, 409, "imported")
    refused(real_client.get(f"{path}/audio/tracks/9"), 404, "no track 9")
    unknown = {"settings": {"tracks": [{"name": "kick.wav", "fader_db": 99}]}}
    refused(real_client.post(f"{path}/tracks/exports", json=unknown), 422, "less than or equal")
    one = real_client.post("/api/songs?name=a.wav", content=wav_bytes).json()["song"]["id"]
    refused(real_client.post(f"/api/songs/{one}/tracks/exports", json={}), 409, "one file")
    empty = real_client.post("/api/track-songs?name=x").json()["id"]
    refused(real_client.post(f"/api/songs/{empty}/tracks/import"), 409, "no tracks")


def test_tracks_of_one_name_get_names_of_their_own(client):
    song = client.post("/api/track-songs?name=x").json()["id"]
    names = [
        client.post(f"/api/songs/{song}/tracks?name={name}", content=b"x").json()["name"]
        for name in ("di.wav", "di.wav", "DI.flac")
    ]
    assert names == ["di.wav", "di 2.wav", "DI 3.flac"]


def test_a_track_that_is_no_audio_is_named_in_one_line(real_client, home):
    song = real_client.post("/api/track-songs?name=x").json()["id"]
    for name, data in (("kick.wav", FILES["kick.wav"]), ("notes.wav", b"no audio" * 99)):
        real_client.post(f"/api/songs/{song}/tracks?name={name}", content=data)
    job = real_client.post(f"/api/songs/{song}/tracks/import").json()["job"]
    error = wait_for(real_client, job)["error"]
    assert ("notes.wav" in error, "\n" in error, str(home) in error) == (True, False, False)
    assert real_client.get(f"/api/songs/{song}").json()["state"] == "failed"


def test_tracks_whose_upload_was_not_completed_are_removed_at_the_start(home):
    library = Library(home, Limits())
    songs = [library.create(name, tracks=[])["id"] for name in ("waiting", "incomplete", "ready")]
    for song in songs:
        (library.songs / song / "source").mkdir()
        (library.songs / song / "source" / "kick.wav").write_bytes(b"x")
    library.update(songs[2], state="ready")
    assert library.clean({songs[0]}) == [songs[1]]
