"""Many clients, a generated test of the interface, and a server that is stopped and started."""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from helpers.app import TOKEN, EchoRunner, InlineRunner

pytestmark = pytest.mark.slow
CLIENTS, SONGS_EACH = 20, 10
MAX_GROWTH_BYTES = 60e6
HEADERS = {"authorization": f"Bearer {TOKEN}"}


def request(address, path, data=None, method=None):
    call = urllib.request.Request(address + path, data, HEADERS, method=method)
    with urllib.request.urlopen(call, timeout=60) as answer:
        return answer.read()


def test_20_clients_upload_200_songs_no_job_is_lost_and_memory_is_flat(serve, home, wav_bytes):
    address = serve(InlineRunner(home))

    def client(number):
        found = []
        for song in range(SONGS_EACH):
            path = f"/api/songs?name={number}-{song}.wav"
            found.append(json.loads(request(address, path, wav_bytes))["job"]["id"])
        return found

    def run():
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            jobs = {job for found in pool.map(client, range(CLIENTS)) for job in found}
        end = time.monotonic() + 500
        while time.monotonic() < end:
            states = {j["id"]: j["state"] for j in json.loads(request(address, "/api/jobs"))}
            if all(states[job] == "done" for job in jobs):
                return jobs, psutil.Process().memory_info().rss
            assert "failed" not in states.values()
            time.sleep(0.2)
        raise AssertionError(states)

    first, memory = run()
    second, later = run()
    assert len(first) == len(second) == CLIENTS * SONGS_EACH
    assert later - memory < MAX_GROWTH_BYTES
    songs = json.loads(request(address, "/api/songs"))
    assert [song["state"] for song in songs] == ["ready"] * 2 * CLIENTS * SONGS_EACH


# Not in the extra `dev`: it needs graphql-core 3.3, MLflow an earlier one.
SCHEMATHESIS = os.environ.get("SCHEMATHESIS")


@pytest.mark.skipif(
    not SCHEMATHESIS, reason="SCHEMATHESIS=folder (pip install --target folder schemathesis)"
)
def test_generated_requests_find_no_difference_to_openapi(serve, home):
    address = serve(EchoRunner(home))
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/openapi.json"]
    options = ["--exclude-path", "/api/events", "--max-examples", "40", "--seed", "1"]
    header = ["-H", f"Authorization: Bearer {TOKEN}"]
    result = subprocess.run(
        [*command, *options, *header],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCHEMATHESIS)},
    )
    assert result.returncode == 0, result.stdout[-4000:]


def test_a_killed_server_loses_no_finished_result_and_no_waiting_song(home, wav_bytes):
    def start():
        command = [sys.executable, "-m", "ai_mixer.cli", "app", "--no-browser"]
        process = subprocess.Popen(
            [*command, "--folder", str(home), "--port", "8971"], stdout=subprocess.DEVNULL
        )
        while not (home / "token").is_file() or not (home / "token").read_text():
            assert process.poll() is None
            time.sleep(0.1)
        return process, {"authorization": f"Bearer {(home / 'token').read_text()}"}

    def call(headers, path, data=None):
        for _ in range(300):
            try:
                call = urllib.request.Request(f"http://127.0.0.1:8971{path}", data, headers)
                with urllib.request.urlopen(call, timeout=30) as answer:
                    return json.load(answer)
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def until_done(headers, jobs, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = {job["id"]: job["state"] for job in call(headers, "/api/jobs")}
            if all(found[job] == "done" for job in jobs):
                return
            time.sleep(0.1)
        raise AssertionError(found)

    process, headers = start()
    try:
        done = call(headers, "/api/songs?name=first.wav", wav_bytes)["job"]["id"]
        until_done(headers, [done])
        waiting = [
            call(headers, f"/api/songs?name={n}.wav", wav_bytes)["job"]["id"] for n in range(20)
        ]
    finally:
        process.kill()
        process.wait()
    process, headers = start()
    try:
        until_done(headers, [done, *waiting])
        assert {song["state"] for song in call(headers, "/api/songs")} == {"ready"}
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_ctrl_c_ends_the_server_and_what_it_started_without_a_traceback(home):
    command = [sys.executable, "-m", "ai_mixer.cli", "app", "--no-browser", "--folder", str(home)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.readline()
        while not (started := psutil.Process(process.pid).children(recursive=True)):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert psutil.wait_procs(started, timeout=10)[1] == []
