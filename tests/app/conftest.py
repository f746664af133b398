"""The application with a runner in the test's process, as a client and as a server."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile

from ai_mixer.app.access import Access
from ai_mixer.app.limits import Limits
from ai_mixer.app.serve import PageServer, listen
from ai_mixer.app.server import create_app
from helpers.app import HOST, PORT, TOKEN, EchoRunner, InlineRunner, wait_for
from helpers.app_page import Page
from helpers.browser import start_browser
from helpers.tracks import RATE, track


@pytest.fixture
def home(tmp_path):
    return tmp_path / "app"


@pytest.fixture
def open_client(home):
    """A function: runner, limits, access → a client that is signed in."""
    from fastapi.testclient import TestClient

    @contextmanager
    def opened(runner=None, limits=None, access=None, signed_in=True):
        access = access or Access(TOKEN, PORT)
        app = create_app(home, access, runner or EchoRunner(home), limits or Limits())
        headers = {"authorization": f"Bearer {TOKEN}"} if signed_in else {}
        with TestClient(
            app, f"http://{HOST}", headers=headers, raise_server_exceptions=False
        ) as client:
            yield client

    return opened


@pytest.fixture
def client(open_client):
    with open_client() as client:
        yield client


@pytest.fixture
def wait():
    return wait_for


@pytest.fixture
def upload(client):
    """A function: bytes, name → the answer of the upload."""
    return lambda data, name="song.wav": client.post(f"/api/songs?name={name}", content=data)


@pytest.fixture(scope="session")
def wav_bytes(tmp_path_factory):
    """A stereo song of 2 s."""
    path = tmp_path_factory.mktemp("wav") / "song.wav"
    random = np.random.default_rng(0)
    time_s = np.arange(88_200) / 44_100
    swell = 0.1 + 0.4 * np.abs(np.sin(3 * time_s))
    audio = swell[:, None] * 0.4 * random.standard_normal((88_200, 2))
    soundfile.write(path, audio.astype(np.float32), 44_100, subtype="FLOAT")
    return path.read_bytes()


@pytest.fixture
def serve(home):
    """A function: runner, limits, port, options of `create_app` → address of a real server."""
    import uvicorn

    servers = []

    def started(runner=None, limits=None, port=0, **options):
        listener = listen("127.0.0.1", port)
        port = listener.getsockname()[1]
        app = create_app(home, Access(TOKEN, port), runner or EchoRunner(home), limits, **options)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        server = PageServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}"

    def stop():
        for server, thread in servers:
            server.stop()
            thread.join(10)
        servers.clear()

    started.stop = stop
    yield started
    stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, serve, home, packaged_models):
    browser.get("about:blank")
    browser.get_log("browser")
    browser.delete_all_cookies()
    page = Page(browser, serve(InlineRunner(home)))
    page.wait("!document.getElementById('start').hidden")
    yield page
    browser.get("about:blank")  # its connections would delay the end of the server


@pytest.fixture
def wav(tmp_path, wav_bytes):
    path = tmp_path / "My song.wav"
    path.write_bytes(wav_bytes)
    return path


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
