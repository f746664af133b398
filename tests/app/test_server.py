"""Songs, sessions, predictions and exports over HTTP."""

import io
import json
import os
import time
import zipfile

import numpy as np
import pytest
import soundfile

from ai_mixer.app.library import Library, safe_name
from ai_mixer.app.limits import Limits
from ai_mixer.console import load_console
from helpers.app import TOKEN, InlineRunner, wait_for
from helpers.measures import residual_db

HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def real_client(open_client, home, packaged_models):
    """A client of the application with the real tasks and tiny models."""
    with open_client(InlineRunner(home)) as client:
        yield client


def upload(client, data, name="Mein Lied.wav"):
    answer = client.post("/api/songs", params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_song_is_uploaded_decoded_and_measured(real_client, wav_bytes):
    answer = upload(real_client, wav_bytes)
    assert wait_for(real_client, answer["job"])["state"] == "done"
    song = real_client.get(f"/api/songs/{answer['song']['id']}").json()
    assert (song["state"], song["name"], song["sample_rate"]) == ("ready", "Mein Lied.wav", 44_100)
    assert -30 < song["measured"]["loudness_lufs"] < -5
    served = real_client.get(f"/api/songs/{song['id']}/audio/source")
    decoded, _ = soundfile.read(io.BytesIO(served.content), dtype="float32")
    original, _ = soundfile.read(io.BytesIO(wav_bytes), dtype="float32")
    assert np.array_equal(decoded, original)


def test_a_file_that_is_no_audio_fails_in_one_line_without_paths(real_client, home):
    answer = upload(real_client, b"this is no audio " * 100, "notes.wav")
    job = wait_for(real_client, answer["job"])
    assert job["state"] == "failed"
    assert "notes.wav" in job["error"]
    assert "\n" not in job["error"]
    assert str(home) not in job["error"]
    assert real_client.get(f"/api/songs/{answer['song']['id']}").json()["state"] == "failed"


def test_a_model_answers_and_locked_knobs_stay(real_client, wav_bytes):
    song = upload(real_client, wav_bytes)["song"]["id"]
    for console, knob in (("classic", "low_eq"), ("mastering", "band1_gain")):
        job = real_client.post(
            f"/api/songs/{song}/predictions",
            json={"console": console, "locked": {knob: 1.25}},
        ).json()
        result = wait_for(real_client, job)["result"]
        assert result["console"] == console
        assert set(result["settings"]) == set(load_console(console, "wide").names)
        assert result["settings"][knob] == 1.25


def test_an_audible_export_nulls_to_the_live_console(real_client, wav_bytes):
    song = upload(real_client, wav_bytes)["song"]["id"]
    settings = {"low_eq": 3.0, "reverb": 0.2, "compressor_ratio": 3.0, "output_level": 2.0}
    job = real_client.post(
        f"/api/songs/{song}/exports",
        json={"console": "classic", "settings": settings, "format": "wav"},
    ).json()
    result = wait_for(real_client, job)["result"]
    audio, report = result["files"]
    exported = real_client.get(f"/api/songs/{song}/exports/{result['id']}/{audio}")
    assert "attachment" in exported.headers["content-disposition"]
    mix, rate = soundfile.read(io.BytesIO(exported.content), dtype="float32")

    import torch

    console = load_console("classic", "wide")
    stream = console.stream(rate, 1024)
    original, _ = soundfile.read(io.BytesIO(wav_bytes), dtype="float32")
    knobs = console.knobs_from(settings)[0]
    blocks = torch.from_numpy(original.T.copy()).split(1024, -1)
    live = torch.cat([*(stream(block, knobs) for block in blocks), stream.finish()], -1)
    live = live[:, stream.latency_samples :]
    assert residual_db(mix.T, live) < -90
    saved = real_client.get(f"/api/songs/{song}/exports/{result['id']}/{report}").json()
    assert saved["settings"]["low_eq"] == 3.0


def test_an_export_to_a_loudness_reaches_it_and_has_a_report(real_client, wav_bytes):
    song = upload(real_client, wav_bytes)["song"]["id"]
    body = {"format": "flac", "target": -20, "console": "mastering", "settings": {}, "daw": True}
    job = wait_for(real_client, real_client.post(f"/api/songs/{song}/exports", json=body).json())
    result = job["result"]
    assert result["measured"]["loudness_lufs"] == pytest.approx(-20, abs=0.2)
    assert [n.rpartition(".")[2] for n in result["files"]] == ["flac", "json", "html", "zip"]
    path = f"/api/songs/{song}/exports/{result['id']}/{result['files'][-1]}"
    with zipfile.ZipFile(io.BytesIO(real_client.get(path).content)) as daw:
        names = set(daw.namelist())
        project = daw.read("Mein Lied (master).rpp")
    assert {f"Mein Lied (master).{suffix}" for suffix in ("vstpreset", "dawproject")} < names
    assert {"audio/Mein Lied.wav", "audio/Mein Lied (master).flac"} < names
    assert b'FILE "audio/Mein Lied.wav"' in project


def test_the_sample_song_is_composed_here(real_client, monkeypatch):
    monkeypatch.setattr("ai_mixer.app.tasks.DEMO_LENGTH_S", 3.0)
    answer = real_client.post("/api/sample").json()
    assert wait_for(real_client, answer["job"])["state"] == "done"
    assert real_client.get(f"/api/songs/{answer['song']['id']}").json()["duration_s"] == 3.0


def test_a_session_is_kept_and_limited(open_client, home, wav_bytes):
    with open_client(limits=Limits(session_bytes=200)) as client:
        song = upload(client, wav_bytes)["song"]["id"]
        assert client.get(f"/api/songs/{song}/session").json() == {}
        session = {"notes": "lauter ♫", "versions": [1]}
        assert client.put(f"/api/songs/{song}/session", json=session).status_code == 204
        assert client.get(f"/api/songs/{song}/session").json() == session
        long = client.put(f"/api/songs/{song}/session", json={"notes": "x" * 300})
        assert long.status_code == 413
        assert "200 bytes" in long.json()["error"]
    with open_client() as again:  # after a restart
        assert again.get(f"/api/songs/{song}/session").json() == session
        assert [each["id"] for each in again.get("/api/songs").json()] == [song]


def test_a_removed_song_is_gone_with_its_jobs(client, home, wav_bytes):
    song = upload(client, wav_bytes)["song"]["id"]
    assert client.delete(f"/api/songs/{song}").status_code == 204
    assert client.get(f"/api/songs/{song}").status_code == 404
    assert not (home / "songs" / song).exists()


def test_old_songs_and_broken_folders_are_cleaned_at_the_start(home):
    library = Library(home, Limits(keep_days=10))
    kept, old = (library.create(name)["id"] for name in ("kept", "old"))
    for song in (kept, old):
        source = library.songs / song / "source"
        source.mkdir()
        (source / "x.wav").write_bytes(b"x")
    (library.songs / "0123456789abcdef").mkdir()  # a crash before its facts were written
    past_s = time.time() - 11 * 86_400
    os.utime(library.songs / old / "song.json", (past_s, past_s))
    assert sorted(library.clean()) == sorted([old, "0123456789abcdef"])
    assert [facts["id"] for facts in library.list_songs()] == [kept]


def test_events_reach_every_open_page(serve, wav_bytes):
    import urllib.request

    address = serve()
    headers = {"authorization": "Bearer " + "t" * 43}

    def get(path, data=None):
        return urllib.request.urlopen(
            urllib.request.Request(address + path, data, headers), timeout=10
        )

    pages = [get("/api/events") for _ in range(2)]
    for page in pages:
        assert page.readline() == b"event: hello\n"
    job = json.load(get("/api/songs?name=a.wav", wav_bytes))["job"]["id"]
    for page in pages:
        states = []
        while "done" not in states:
            line = page.readline()
            if line.startswith(b"data: {"):
                event = json.loads(line[6:])
                assert event["id"] == job
                states.append(event["state"])
        assert states[0] == "queued"
        page.close()


def test_info_describes_both_consoles_for_the_page(client):
    info = client.get("/api/info").json()
    assert [knob["name"] for knob in info["consoles"]["classic"]["knobs"]] == load_console(
        "classic", "wide"
    ).names
    filters = info["consoles"]["mastering"]["filters"]
    assert [each["kind"] for each in filters] == [
        "low_cut", "low_shelf", "peak", "peak", "peak", "peak", "high_shelf",
    ]  # fmt: skip
    assert info["models"][0]["console"] == "classic"


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "passwd"), ("C:\\x\\a.wav", "a.wav"), ("a/b\0c.wav", "b_c.wav"),
     ("...", "song"), ("x" * 500 + ".flac", "x" * 120 + ".flac"), ("日本.mp3", "日本.mp3")],
)  # fmt: skip
def test_file_names_are_made_safe(given, name):
    assert safe_name(given) == name
