"""What is compared: our job, the peers' jobs for the same work, and the bar."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, field

from ai_mixer.evaluation.bench.timing import Job, Timing, alternate, spread, times_faster


@dataclass
class Contest:
    """One kind of work. `peers`: name → a function that imports the peer and returns its job.

    bars: peer → how many times as fast as it we want to be (0.5: half as fast is enough).
    """

    name: str
    ours: Job
    peers: dict[str, Callable[[], Job]]
    bars: dict[str, float] = field(default_factory=dict)


def run(contest: Contest, rounds: int) -> list[dict]:
    """One row per peer; what could not be imported or run says why."""
    jobs, rows = {"ours": contest.ours}, []
    for name, prepare in contest.peers.items():
        try:
            job = prepare()
            job()
        except Exception as error:
            rows.append(_row(contest, name) | {"note": _reason(error)})
        else:
            jobs[name] = job
    timings = alternate(jobs, rounds)
    return [_measured(contest, name, timings) for name in jobs if name != "ours"] + rows


def version(package: str) -> str:
    """The peer's version, or that it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _measured(contest: Contest, name: str, timings: dict[str, Timing]) -> dict:
    ratio = times_faster(timings["ours"], timings[name])
    bar = contest.bars.get(name)
    return _row(contest, name) | {
        "ours cpu ms": spread(timings["ours"].cpu_ms).median,
        "peer cpu ms": spread(timings[name].cpu_ms).median,
        "ours wall ms": spread(timings["ours"].wall_ms).median,
        "peer wall ms": spread(timings[name].wall_ms).median,
        "ratio": ratio.median,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "bar": bar,
        "holds": None if bar is None else bool(ratio.median >= bar),
    }


def _row(contest: Contest, name: str) -> dict:
    return {"work": contest.name, "peer": name, "note": ""}


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"not installed ({error})"
    return f"failed: {type(error).__name__}: {error}"
