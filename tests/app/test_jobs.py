"""The queue: order, cancel, restart, failures."""

import threading
import time

import pytest

from ai_mixer.app.errors import AppError
from ai_mixer.app.jobs import JobCancelledError, JobQueue

WAIT_S = 10


class Steps:
    """A runner whose jobs wait until they are told to go on."""

    def __init__(self):
        self.ran, self.go, self.cancelled = [], threading.Event(), threading.Event()

    def run(self, job, report):
        report(0.25, "step 1")
        self.ran.append(job.song)
        while not self.go.wait(0.005):
            if self.cancelled.is_set():
                self.cancelled.clear()
                raise JobCancelledError
        if job.arguments.get("fail"):
            raise ValueError("the song\nis  broken")
        return {"song": job.song}

    def cancel(self):
        self.cancelled.set()

    def close(self):
        pass


@pytest.fixture
def queue(tmp_path):
    runner, seen = Steps(), []
    queue = JobQueue(tmp_path, runner, seen.append, max_queued=3)
    queue.runner, queue.seen = runner, seen
    yield queue
    queue.close()


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_jobs_run_in_order_of_arrival_and_report_their_progress(queue):
    queue.runner.go.set()
    jobs = [queue.add("import", song) for song in "abc"]
    queue.start()
    until(lambda: queue.seen[-1].id == jobs[2].id and queue.seen[-1].state == "done")
    assert queue.runner.ran == ["a", "b", "c"]
    assert queue.get(jobs[1].id).result == {"song": "b"}
    states = [job.state for job in queue.seen if job.id == jobs[2].id]
    assert states == ["queued", "running", "running", "done"]


def test_a_failed_job_has_one_line_and_the_next_one_runs(queue):
    queue.runner.go.set()
    failed, following = queue.add("import", "a", fail=True), queue.add("import", "b")
    queue.start()
    until(lambda: queue.get(following.id).state == "done")
    assert queue.get(failed.id).state == "failed"
    assert queue.get(failed.id).error == "the song is broken"


def test_waiting_and_running_jobs_can_be_cancelled(queue):
    running, waiting, last = (queue.add("import", song) for song in "abc")
    queue.start()
    until(lambda: queue.get(running.id).state == "running")
    queue.cancel(waiting.id)
    queue.cancel(running.id)
    until(lambda: queue.get(last.id).state == "running")
    queue.runner.go.set()
    until(lambda: queue.get(last.id).state == "done")
    assert [queue.get(job.id).state for job in (running, waiting)] == ["cancelled", "cancelled"]
    assert queue.runner.ran == ["a", "c"]
    assert queue.cancel(last.id).state == "done"  # too late: unchanged


def test_the_queue_has_a_limit(queue):
    for song in "abc":
        queue.add("import", song)
    with pytest.raises(AppError, match="3 jobs are waiting"):
        queue.add("import", "d")


def test_a_restart_keeps_results_and_continues_what_was_not_finished(tmp_path):
    first = JobQueue(tmp_path, Steps(), lambda job: None, 9)
    first._runner.go.set()
    done = first.add("import", "a")
    first.start()
    until(lambda: first.get(done.id).state == "done")
    first._runner.go.clear()
    interrupted, waiting = first.add("import", "b"), first.add("import", "c")
    until(lambda: first.get(interrupted.id).state == "running")
    first.close()  # as a crash would, it leaves "running" on the disk
    (tmp_path / "broken.json").write_text("{")

    again = JobQueue(tmp_path, Steps(), lambda job: None, 9)
    assert again.get(done.id).result == {"song": "a"}
    assert [again.get(job.id).state for job in (interrupted, waiting)] == ["queued", "queued"]
    again._runner.go.set()
    again.start()
    until(lambda: again.get(waiting.id).state == "done")
    assert again._runner.ran == ["b", "c"]
    again.close()


def test_records_of_finished_jobs_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("ai_mixer.app.jobs.KEPT_FINISHED", 2)
    queue = JobQueue(tmp_path, Steps(), lambda job: None, 9)
    queue._runner.go.set()
    jobs = [queue.add("import", song) for song in "abcd"]
    queue.start()
    until(lambda: len(queue.list_jobs()) == 2)
    queue.close()
    assert [job.id for job in queue.list_jobs()] == [job.id for job in jobs[2:]]
    assert len(list(tmp_path.glob("*.json"))) == 2
