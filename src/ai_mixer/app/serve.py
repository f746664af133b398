"""Start the server and open the page."""

import socket
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from ai_mixer.app.access import LOOPBACK, Access, load_token
from ai_mixer.app.jobs import Runner
from ai_mixer.app.run_songs import RunSong
from ai_mixer.app.server import create_app
from ai_mixer.app.warm_up import WarmUp

SHUTDOWN_S = 3  # for open connections
DEFAULT_PORT = 8765
PORTS_TRIED = 20


class PageServer(uvicorn.Server):
    """A server that ends the events of open pages when it stops, which would wait for them."""

    def stop(self) -> None:
        """Stop; from any thread."""
        self.config.app.state.events.close()  # type: ignore[union-attr]
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal; at the second one without waiting."""
        self.force_exit = self.should_exit
        self.stop()


def check_host(host: str, password: str | None) -> None:
    """ValueError (one line) for a host that others reach, without a password."""
    if host not in {*LOOPBACK, "::1"} and not password:
        raise ValueError(
            f"--host {host}: others on the network could use it, so --password is needed"
        )


def listen(host: str, port: int | None) -> socket.socket:
    """A socket for the port, or for the first free one. OSError (one line) if it is taken."""
    candidates = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in candidates:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
        except OSError as error:
            listener.close()
            if candidate == candidates[-1]:
                reason = f"--port {candidate}: {error.strerror}: choose another one"
                raise OSError(reason) from None
            continue
        return listener
    raise AssertionError  # there is a candidate


def serve(
    home: Path,
    runner: Runner,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    password: str | None = None,
    browser: bool = True,
    models: Mapping[str, Path] | None = None,
    songs: Sequence[RunSong] = (),
) -> None:
    """Serve the page until the process is stopped. OSError or ValueError (one line).

    home: folder for songs. port: None for the first free one from DEFAULT_PORT on. models, songs:
    see `create_app`.
    """
    check_host(host, password)
    home.mkdir(parents=True, exist_ok=True)
    listener = listen(host, port)
    port = int(listener.getsockname()[1])
    access = Access(load_token(home / "token"), port, password)
    app = create_app(home, access, runner, models=models, songs=songs, warm_up=WarmUp(home))
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S, server_header=False
    )
    address = page_address(access, host)
    print(f"The page is at {address}\nSongs are kept in {home}. Stop with ctrl+C.", flush=True)  # noqa: T201
    server = PageServer(config)
    if browser:
        threading.Thread(target=_open_when_started, args=(server, address), daemon=True).start()
    server.run(sockets=[listener])


def page_address(access: Access, host: str) -> str:
    """Address of the page, with the token unless there is a password."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    base = f"http://{name}:{access.port}/"
    return base if access.password else f"{base}?token={access.token}"


def _open_when_started(server: uvicorn.Server, address: str) -> None:
    while not server.started:
        time.sleep(0.05)
    webbrowser.open(address)
