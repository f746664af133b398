"""The application in tests: runners in the test's process, and waiting for jobs."""

import time

from ai_mixer.app.jobs import FINISHED

PORT = 8765
TOKEN = "t" * 43
HOST = f"127.0.0.1:{PORT}"


class InlineRunner:
    """Runs the real tasks in the thread of the queue."""

    def __init__(self, home):
        self.home = home

    def run(self, job, report):
        from ai_mixer.app.tasks import run_task

        return run_task(self.home, job.kind, job.song, job.arguments, report)

    def cancel(self):
        pass

    def close(self):
        pass


class EchoRunner(InlineRunner):
    """Answers each job with its arguments at once."""

    def run(self, job, report):
        report(0.5, "halfway")
        return dict(job.arguments)


def wait_for(client, job, seconds=300.0):
    """Wait until a job is finished; the job."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = client.get(f"/api/jobs/{job['id']}").json()
        if answer["state"] in FINISHED:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not finished: {answer}")
