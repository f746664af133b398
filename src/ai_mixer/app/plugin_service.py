"""The service that plug-ins ask for settings: `ai-mixer listen`.

A Unix socket in the user's cache folder, which other users and web pages cannot reach. The protocol
is that of plugin/c/listen_client.c: lines `name value`, an empty line and float32 samples
[frames, channels] in; `settings BYTES` or `refused BYTES` and a text out.
"""

import math
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ai_mixer.app.errors import error_line
from ai_mixer.plugin.identity import Plugin, load_plugin
from ai_mixer.plugin.presets import STATE_VERSION, write_state
from ai_mixer.utils.log import logger

SOCKET = Path(".cache") / "ai_mixer" / "listen.sock"
"""Below the home folder: SOCKET_PATH of plugin/c/listen_state.h."""
MAX_PATH_BYTES = 107  # of a socket in Linux
MAX_HEAD_BYTES = 65_536
MAX_S, MIN_RATE, MAX_RATE = 30, 8000, 192_000
MAX_BYTES = MAX_S * MAX_RATE * 2 * 4
MIN_PEAK = 1e-3  # quieter audio is not music
TIMEOUT_S = 30.0  # for a plug-in that sends nothing
_LOCKED = "locked."


@dataclass(frozen=True)
class PluginRequest:
    """What a plug-in sends: its console, audio [frames, channels], and locked knobs in units."""

    plugin: Plugin
    sample_rate: int
    audio: np.ndarray[Any, np.dtype[np.float32]]
    locked: Mapping[str, float]


Predict = Callable[[PluginRequest], Mapping[str, float]]
"""Settings for a request: knob → value in its unit. ValueError or OSError (one line)."""


def predict_settings(request: PluginRequest) -> Mapping[str, float]:
    """Settings by the models and rules of `ai-mixer mix` and `ai-mixer master`."""
    from ai_mixer.app.prediction import predict

    console = request.plugin.console
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.wav"
        soundfile.write(path, request.audio, request.sample_rate, "FLOAT")
        arguments = {"console": console, "locked": dict(request.locked)}
        answer = predict(path, None, arguments, lambda part, text: None)
    if answer["console"] != console:
        raise ValueError(f"the model sets console {answer['console']}, the plug-in is {console}")
    settings: Mapping[str, float] = answer["settings"]
    return settings


class PluginService(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers plug-ins, one prediction at a time. OSError (one line) if another one runs.

    report: called with a line for each request.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        home: Path,
        predict: Predict = predict_settings,
        report: Callable[[str], None] = logger.info,
    ) -> None:
        self.path, self.predict, self.report = home / SOCKET, predict, report
        self.predicting = threading.Lock()
        if len(os.fsencode(self.path)) > MAX_PATH_BYTES:
            raise OSError(f"{self.path} is too long for a socket, at most {MAX_PATH_BYTES} bytes")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _remove_unused(self.path)
        mask = os.umask(0o177)  # the socket is its owner's from the beginning
        try:
            super().__init__(str(self.path), PluginHandler)
        finally:
            os.umask(mask)

    def server_close(self) -> None:
        """Stop to be found."""
        super().server_close()
        self.path.unlink(missing_ok=True)

    def answer(self, request: PluginRequest) -> bytes:
        """The state with settings for a request. ValueError or OSError (one line)."""
        if np.abs(request.audio).max(initial=0.0) < MIN_PEAK:
            raise ValueError("the input is silent")
        with self.predicting:
            return write_state(request.plugin, self.predict(request))


class PluginHandler(socketserver.StreamRequestHandler):
    """One request of a plug-in."""

    timeout = TIMEOUT_S
    server: PluginService

    def handle(self) -> None:
        """Read the request and answer it."""
        try:
            request = read_request(self.rfile)
            kind, text = "settings", self.server.answer(request)
            self.server.report(f"{request.plugin.name}: settings for {_duration_s(request):.0f} s")
        except (ConnectionError, TimeoutError):
            return  # the plug-in was closed
        except Exception as error:
            if not isinstance(error, ValueError | OSError):
                logger.exception("a request of a plug-in failed")
            line = error_line(error)
            self.server.report(f"refused: {line}")
            kind, text = "refused", f"{line}\n".encode()
        try:
            self.wfile.write(f"{kind} {len(text)}\n".encode() + text)
            self._discard_input()
        except OSError:
            logger.info("the plug-in was closed before the answer")

    def _discard_input(self) -> None:
        """What a refused plug-in still sends: closing before would discard the answer."""
        self.connection.shutdown(socket.SHUT_WR)
        left = MAX_BYTES
        while left > 0 and (data := self.connection.recv(65_536)):
            left -= len(data)


def read_request(stream: BufferedIOBase) -> PluginRequest:
    """Read a request. ValueError (one line) for anything else; ConnectionError if it ends early."""
    lines, left = [], MAX_HEAD_BYTES
    while (line := stream.readline(left)) != b"\n":
        if not line.endswith(b"\n"):
            raise ConnectionError if len(line) < left else ValueError("the request is too long")
        lines.append(line.decode("ascii", "replace").strip())
        left -= len(line)
    fields = dict(line.partition(" ")[::2] for line in lines)
    version, _, console = fields.pop("ai_mixer", "").partition(" ")
    if version != str(STATE_VERSION):
        raise ValueError(f"version of the plug-in: {version!r}, this ai_mixer has {STATE_VERSION}")
    rate = _whole(fields, "rate", MIN_RATE, MAX_RATE)
    channels = _whole(fields, "channels", 1, 2)
    frames = _whole(fields, "frames", 1, MAX_S * rate)
    content = stream.read(4 * frames * channels)
    if len(content) < 4 * frames * channels:
        raise ConnectionError
    audio = np.frombuffer(content, np.float32).reshape(frames, channels)
    if not np.isfinite(audio).all():
        raise ValueError("the input has samples that are not numbers")
    plugin = load_plugin(console)
    if not plugin.listens:
        raise ValueError(
            f"{plugin.name}: no model sets one track without the others; "
            "`ai-mixer mix --tracks FOLDER --daw` sets all"
        )
    return PluginRequest(plugin, rate, audio, _locked(fields, plugin))


def _locked(fields: Mapping[str, str], plugin: Plugin) -> dict[str, float]:
    """Values of locked knobs. Those that the console does not have are of another version."""
    locked = {}
    for knob in plugin.chain.knobs:
        text = fields.get(_LOCKED + knob.name)
        if text is not None:
            locked[knob.name] = min(max(_number(knob.name, text), knob.low), knob.high)
    return locked


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ValueError(f"locked knob {name}: {text[:20]!r} is not a number")
    return value


def _whole(fields: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = fields.get(name, "")
    if not (text.isdecimal() and low <= int(text[:12]) <= high):
        raise ValueError(f"{name}: {text[:20]!r} is not a whole number of {low} to {high}")
    return int(text)


def _duration_s(request: PluginRequest) -> float:
    return len(request.audio) / request.sample_rate


def _remove_unused(path: Path) -> None:
    """Remove the socket of a service that is gone. OSError (one line) if it answers."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(f"ai-mixer listen runs already, at {path}")
