"""The process that runs jobs."""

import threading
import time

import pytest

from ai_mixer.app.jobs import Job, JobCancelledError
from ai_mixer.app.library import SOURCE, Library
from ai_mixer.app.limits import Limits
from ai_mixer.app.worker import JobFailedError, ProcessRunner


@pytest.mark.slow
def test_a_process_runs_a_job_survives_a_failure_and_can_be_cancelled(home, wav_bytes, monkeypatch):
    library = Library(home, Limits())
    song, broken = (library.create(name)["id"] for name in ("a.wav", "b.wav"))
    for each, data in ((song, wav_bytes), (broken, b"no audio")):
        folder = library.folder(each) / SOURCE
        folder.mkdir()
        (folder / "a.wav").write_bytes(data)
    runner, reports = ProcessRunner(home), []

    def run(each):
        return runner.run(Job("1", "import", each), lambda *report: reports.append(report))

    try:
        with pytest.raises(JobFailedError, match=r"a\.wav"):
            run(broken)
        process = runner._process.pid
        assert run(song)["sample_rate"] == 44_100
        assert runner._process.pid == process  # it stays, so that the next job starts quickly
        assert reports[-1][0] > 0.9
        assert library.facts(song)["state"] == "ready"

        timer = threading.Timer(0.05, runner.cancel)
        monkeypatch.setattr(runner, "_connection", _slow(runner))
        timer.start()
        with pytest.raises(JobCancelledError):
            run(song)
        assert runner._process is None
    finally:
        runner.close()


def _slow(runner):
    """The pipe, with an answer that comes too late."""

    class Pipe:
        def send(self, what):
            pass

        def recv(self):
            while runner._process.is_alive():
                time.sleep(0.01)
            raise EOFError

        def close(self):
            pass

    return Pipe
