"""A comparison: the project's job, the peers' jobs for the same work, and required speedups."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, field

from ai_mixer.evaluation.bench.timing import (
    TimedFunction,
    Timing,
    quartiles,
    speedup,
    time_interleaved,
)


@dataclass
class PeerComparison:
    """One kind of work.

    peers: name → a function that imports the peer and returns its job. min_speedups: peer →
    required speedup over it (0.5: half as fast is enough).
    """

    name: str
    ours: TimedFunction
    peers: dict[str, Callable[[], TimedFunction]]
    min_speedups: dict[str, float] = field(default_factory=dict)


def run(comparison: PeerComparison, rounds: int) -> list[dict]:
    """Return one row per peer, with the reason if it cannot be imported or run."""
    jobs, rows = {"ours": comparison.ours}, []
    for name, prepare in comparison.peers.items():
        try:
            job = prepare()
            job()
        except Exception as error:
            rows.append(_row(comparison, name) | {"note": _reason(error)})
        else:
            jobs[name] = job
    timings = time_interleaved(jobs, rounds)
    return [_measured(comparison, name, timings) for name in jobs if name != "ours"] + rows


def version(package: str) -> str:
    """Version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _measured(comparison: PeerComparison, name: str, timings: dict[str, Timing]) -> dict:
    ratio = speedup(timings["ours"], timings[name])
    min_speedup = comparison.min_speedups.get(name)
    return _row(comparison, name) | {
        "ours cpu ms": quartiles(timings["ours"].cpu_ms).median,
        "peer cpu ms": quartiles(timings[name].cpu_ms).median,
        "ours wall ms": quartiles(timings["ours"].wall_ms).median,
        "peer wall ms": quartiles(timings[name].wall_ms).median,
        "ratio": ratio.median,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "bar": min_speedup,
        "holds": None if min_speedup is None else bool(ratio.median >= min_speedup),
    }


def _row(comparison: PeerComparison, name: str) -> dict:
    return {"work": comparison.name, "peer": name, "note": ""}


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"not installed ({error})"
    return f"failed: {type(error).__name__}: {error}"
