"""Uploads and requests that are wrong: one line each, and nothing is left."""

import random

import pytest

from ai_mixer.app.limits import Limits
from helpers.app import InlineRunner, wait_for


def is_one_line(answer):
    message = answer.json()["error"]
    return message and "\n" not in message and "Traceback" not in message


def test_a_file_over_the_limit_is_refused_before_it_is_sent(open_client, home):
    with open_client(limits=Limits(upload_bytes=1000)) as client:
        answer = client.post("/api/songs?name=a.wav", content=b"x" * 1001)
        assert answer.status_code == 413
        assert "limit" in answer.json()["error"]
        assert client.get("/api/songs").json() == []


def test_a_stream_without_a_length_is_cut_at_the_limit(open_client, home):
    with open_client(limits=Limits(upload_bytes=1000)) as client:
        chunks = (b"x" * 100 for _ in range(10_000))
        answer = client.post("/api/songs?name=a.wav", content=chunks)
        assert answer.status_code == 413
        assert list((home / "songs").iterdir()) == []


@pytest.mark.parametrize(
    ("length", "status"), [("5", 201), ("6", 400), ("0", 400), ("-1", 400), ("x", 400)]
)
def test_the_announced_length_must_be_that_of_the_file(client, length, status):
    def body():
        yield b"12345" if length != "0" else b""

    answer = client.post(
        "/api/songs?name=a.wav", content=body(), headers={"content-length": length}
    )
    assert answer.status_code == status
    assert status == 201 or is_one_line(answer)


def test_there_is_a_limit_of_songs_and_of_the_disk(open_client):
    with open_client(limits=Limits(songs=1)) as client:
        assert client.post("/api/songs?name=a.wav", content=b"x").status_code == 201
        answer = client.post("/api/songs?name=a.wav", content=b"x")
        assert (answer.status_code, is_one_line(answer)) == (409, True)
    with open_client(limits=Limits(free_bytes=1 << 60)) as client:
        answer = client.post("/api/songs?name=a.wav", content=b"x")
        assert (answer.status_code, is_one_line(answer)) == (507, True)


WRONG = [
    ("post", "/api/songs", None, 422),  # no name
    ("post", "/api/songs?name=" + "x" * 300, b"x", 422),
    ("post", "/api/songs?name=a.wav", b"", 400),
    ("get", "/api/songs/none", None, 404),
    ("get", "/api/songs/..%2F..%2Fetc", None, 404),
    ("get", "/api/songs/0123456789abcdef/audio/source", None, 404),
    ("get", "/api/songs/0123456789abcdef/audio/passwd", None, 422),
    ("get", "/api/jobs/none", None, 404),
    ("get", "/api/consoles/studio/rooms", None, 422),
    ("get", "/nothing", None, 404),
    ("patch", "/api/songs", None, 405),
    ("trace", "/api/songs/0123456789abcdef", None, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
def test_wrong_requests_are_answered_in_one_line(client, method, path, body, status):
    answer = client.request(method, path, content=body)
    assert answer.status_code == status
    assert is_one_line(answer)


def test_a_wrong_method_is_answered_with_the_right_ones(client):
    assert client.patch("/api/songs").headers["allow"] == "GET, POST"
    assert client.post("/api/songs/0123456789abcdef").headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("exports", {"format": "exe"}, "format"),
        (
            "exports",
            {"settings": {"low_eq": 99}},
            "low_eq: Input should be less than or equal to 6",
        ),
        ("exports", {"settings": {"bass": 1}}, "bass: Extra inputs"),
        ("exports", {"settings": {"low_eq": "loud"}}, "low_eq"),
        ("exports", {"target": 5}, "target"),
        ("exports", {"console": "studio"}, "console"),
        ("exports", {"files": 1}, "files"),
        ("predictions", {"locked": {"a" * 100: 1}}, "locked"),
        ("predictions", [], "dictionary"),
    ],
)
def test_wrong_bodies_are_answered_in_one_line(client, wav_bytes, path, body, reason):
    song = client.post("/api/songs?name=a.wav", content=wav_bytes).json()["song"]["id"]
    if isinstance(body, dict):
        body = {"console": "classic", **body}
    answer = client.post(f"/api/songs/{song}/{path}", json=body)
    assert answer.status_code in {400, 422}
    assert is_one_line(answer)
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b'{"a": NaN}', b'{"notes": "\\ud800"}', b"[" * 50_000, b'{"a": 1e999}', b"1"],
)
def test_sessions_that_are_no_json_objects_are_refused_or_kept_exactly(client, wav_bytes, body):
    song = client.post("/api/songs?name=a.wav", content=wav_bytes).json()["song"]["id"]
    headers = {"content-type": "application/json"}
    answer = client.put(f"/api/songs/{song}/session", content=body, headers=headers)
    assert answer.status_code in {204, 400, 422}
    assert answer.status_code == 204 or is_one_line(answer)
    assert client.get(f"/api/songs/{song}/session").status_code == 200


def mutations(data, count):
    """Damaged files: cut, bytes changed, chunks repeated or moved, headers of other formats."""
    chance = random.Random(0)
    headers = (b"fLaC", b"OggS", b"ID3\x03", b"RIFF\xff\xff\xff\xffWAVE", b"FORM", b"\0" * 40)
    for number in range(count):
        damaged = bytearray(data[: chance.choice([0, 1, 43, 44, 60, 3000, len(data)]) or len(data)])
        for _ in range(chance.choice([0, 1, 20])):
            damaged[chance.randrange(min(len(damaged), 80))] = chance.randrange(256)
        if number % 3 == 0:
            header = chance.choice(headers)
            damaged[: len(header)] = header
        name = chance.choice(["a.wav", "a.mp3", "a", ".flac", "a.ogg", "a.m4a", "ä\u202e.wav"])
        yield name, bytes(damaged)


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_damaged_uploads_are_answered_in_one_line(open_client, home, wav_bytes, count):
    short = wav_bytes[:120_000]
    with open_client(InlineRunner(home)) as client:
        states = set()
        for name, data in mutations(short, count):
            answer = client.post("/api/songs", params={"name": name}, content=data)
            assert answer.status_code == 201
            job = wait_for(client, answer.json()["job"])
            states.add(job["state"])
            assert job["state"] in {"done", "failed"}
            assert "\n" not in job["error"]
            assert "unexpected" not in job["error"], job["error"]
            assert str(home) not in job["error"]
        assert states == {"done", "failed"}
