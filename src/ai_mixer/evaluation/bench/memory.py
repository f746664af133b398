"""Peak resident memory of a function, from /proc (Linux)."""

import ctypes
import gc
import math
from pathlib import Path

from ai_mixer.evaluation.bench.timing import TimedFunction

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_mib(job: TimedFunction) -> float:
    """Peak resident memory of `job` beyond that before the call, in MiB; NaN if not on Linux."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # else the job would reuse freed memory
        before = _mib("VmRSS")
        RESET.write_text("5", encoding="ascii")  # resets VmHWM
        job()
        return _mib("VmHWM") - before
    except OSError:
        return math.nan


def _mib(name: str) -> float:
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"{STATUS} has no {name}")
