"""Compile what mixes need in the background, so that the first one does not wait for it.

Kernels are compiled when they are first used and kept on disk, once per installation. A process of
low priority uses all of them on a second of noise before the first mix is asked for.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import psutil

from ai_mixer.core.version import __version__
from ai_mixer.utils.atomic_write import write_text

MARKER = "engine.txt"  # version that was prepared
LOW_PRIORITY = 10  # not the lowest: a mix waits for what it compiles just then
Publish = Callable[[str, Any], None]


class WarmUp:
    """Runs `prepare` in a process of its own. state, progress: for the page, as event `engine`.

    home: folder of the application. A start after the first one is not announced, as it compiles
    nothing.
    """

    def __init__(self, home: Path, target: Callable[[Connection], None] | None = None) -> None:
        self._marker, self._target = home / MARKER, target or _prepare_in_process
        self._process: Any = None
        self._publish: Publish = lambda name, data: None
        self.state: Literal["ready", "preparing"] = "preparing" if self._is_first() else "ready"
        self.progress = 0.0

    def start(self, publish: Publish) -> None:
        """Begin; `publish` is called with each change, from a thread."""
        self._publish = publish
        context = multiprocessing.get_context("spawn")
        pipe, other = context.Pipe(duplex=False)
        self._process = context.Process(
            target=self._target, args=(other,), daemon=True, name="ai_mixer-engine"
        )
        self._process.start()
        other.close()
        threading.Thread(target=self._follow, args=(pipe,), daemon=True, name="engine").start()

    def close(self) -> None:
        """Stop."""
        if self._process is not None:
            self._process.kill()
            self._process.join(5)

    def describe(self) -> dict[str, Any]:
        """What the page shows."""
        return {"state": self.state, "progress": self.progress}

    def _is_first(self) -> bool:
        return not (self._marker.is_file() and self._marker.read_text("utf-8") == __version__)

    def _follow(self, pipe: Connection) -> None:
        try:
            while self.progress < 1.0:
                self.progress = pipe.recv()
                if self.state == "preparing":
                    self._publish("engine", self.describe())
            write_text(self._marker, __version__)
        except (EOFError, OSError):
            pass  # stopped, or it failed: mixes compile what they need
        self.state, self.progress = "ready", 1.0
        self._publish("engine", self.describe())


def _prepare_in_process(pipe: Connection) -> None:
    """Main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server stops it
    low = LOW_PRIORITY if os.name == "posix" else psutil.BELOW_NORMAL_PRIORITY_CLASS
    psutil.Process().nice(low)
    for progress in prepare():
        pipe.send(progress)


def prepare() -> Iterator[float]:
    """Predict and export on a second of noise; yields the share that is done after each step."""
    import numpy as np
    import soundfile

    from ai_mixer.app.engine import BUSES, CONSOLE_NAMES, STRIP, console_entry
    from ai_mixer.app.exporting import export
    from ai_mixer.app.prediction import predict
    from ai_mixer.app.schemas import AUDIBLE
    from ai_mixer.app.track_exporting import export_tracks
    from ai_mixer.utils.parallel import single_threaded

    def moved(console: str) -> dict[str, float]:
        """Settings between neutral and the upper limit: a neutral effect is left out of a mix."""
        knobs = console_entry(console)
        return {knob["name"]: 0.7 * knob["neutral"] + 0.3 * knob["high"] for knob in knobs}

    def nothing(progress: float, message: str) -> None:
        pass

    with tempfile.TemporaryDirectory(prefix="ai_mixer-") as name, single_threaded():
        folder = Path(name)
        noise = 0.1 * np.random.default_rng(0).standard_normal((48_000, 2))
        songs = [folder / f"{number}.wav" for number in range(2)]
        for song in songs:
            soundfile.write(song, noise, 48_000, "FLOAT")
        tracks = [{"name": song.name, **moved(STRIP)} for song in songs]
        studio = {
            "tracks": tracks,
            "buses": {bus: moved(bus) for bus in BUSES},
            "master": moved("mastering"),
        }
        steps: list[Callable[[], Any]] = []
        for target in (AUDIBLE, "streaming"):
            for console in CONSOLE_NAMES:
                wanted = {"console": console, "settings": moved(console), "format": "wav"}
                wanted["target"] = target
                steps.append(partial(export, songs[0], folder, "x", wanted, nothing))
            both = {"settings": studio, "target": target}
            steps.append(partial(export_tracks, songs, folder, "x", both, nothing))
        steps.append(partial(predict, songs[0], None, {}, nothing))
        steps.append(partial(predict, songs[0], None, {"console": "mastering"}, nothing))
        for number, step in enumerate(steps, 1):
            step()
            for file in folder.glob("x*"):
                file.unlink()
            yield number / len(steps)
