"""Six implementations of one biquad section: time, and error on a hard case (decision 0018).

.venv-peers/bin/python benchmarks/recursions.py [seconds]
"""

import os
import sys
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import sosfilt
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.filters import low_shelf
from ai_mixer.dsp.recursions import biquad
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import quartiles, time_interleaved
from ai_mixer.evaluation.bench.workloads import Workload, forward, forward_backward

RATE = 44_100
Filter = Callable[[Tensor, Tensor, Tensor], Tensor]

CPP = """
torch::Tensor filter(torch::Tensor x, torch::Tensor b, torch::Tensor a) {
  auto y = torch::empty_like(x);
  auto B = b.data_ptr<double>(), A = a.data_ptr<double>();
  long T = x.size(-1), rows = x.numel() / T;
  for (long row = 0; row < rows; ++row) {
    auto in = x.data_ptr<float>() + row * T; auto out = y.data_ptr<float>() + row * T;
    double x1 = 0, x2 = 0, y1 = 0, y2 = 0;
    for (long n = 0; n < T; ++n) {
      double x0 = in[n];
      double y0 = (B[0] * x0 + B[1] * x1 + B[2] * x2 - A[2] * y2) - A[1] * y1;
      out[n] = y0; x2 = x1; x1 = x0; y2 = y1; y1 = y0;
    }
  }
  return y;
}
"""


def by_fft(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """Frequency sampling, zero-padded by one second for the tail."""
    size = next_fast_len(x.shape[-1] + RATE, real=True)
    response = torch.fft.rfft(b, size) / torch.fft.rfft(a, size)
    spectrum = torch.fft.rfft(x, size) * response.to(torch.complex64)[:, None]
    return torch.fft.irfft(spectrum, size)[..., : x.shape[-1]]


def by_scan(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """All-pole part by a parallel scan: after k rounds a sample depends on the 2^k before it."""
    x = x.double()
    u = b[:, :1, None] * x
    for lag in (1, 2):
        u = u + b[:, lag : lag + 1, None] * pad(x, (lag, 0))[..., : x.shape[-1]]
    step = torch.stack([torch.cat([-a[:, 1], -a[:, 2]]), torch.tensor([1.0, 0.0])]).double()
    state = torch.stack([u, torch.zeros_like(u)], -1)
    lag = 1
    while lag < x.shape[-1]:
        delayed = pad(state, (0, 0, lag, 0))[..., : x.shape[-1], :]
        state = state + delayed @ step.T
        step, lag = step @ step, 2 * lag
    return state[..., 0].float()


def by_philtorch(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """The state-space kernel of philtorch."""
    from philtorch.lti import lfilter

    rows = [c.float().repeat_interleave(x.shape[1], 0) for c in (b, a[:, 1:])]
    return lfilter(*rows, x.flatten(0, 1)).view_as(x)


def by_torchlpc(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """Torchlpc's time-varying all-pole filter."""
    from torchlpc import sample_wise_lpc

    rows = x.flatten(0, 1)
    u = torch.nn.functional.conv1d(pad(rows[:, None], (2, 0)), b.float().flip(-1)[:, None])[:, 0]
    poles = a[:, None, 1:].float().expand(len(rows), x.shape[-1], 2)
    return sample_wise_lpc(u, poles).view_as(x)


def by_cpp() -> Filter:
    """The same loop as the project's in C++, compiled on this machine; no gradient."""
    from torch.utils.cpp_extension import load_inline

    flags = ["-O3", "-march=native", "-ffp-contract=fast"]
    module = load_inline("one_section", CPP, functions=["filter"], extra_cflags=flags)
    return lambda x, b, a: module.filter(x, b.detach(), a.detach())


def error_db(run: Filter) -> float:
    """Error against scipy in float64: 12 dB at 30 Hz, on low-frequency noise with an offset."""
    rumble = np.cumsum(np.random.default_rng(0).standard_normal((2, 2 * RATE)), axis=1)
    x = (0.3 + 0.5 * rumble / abs(rumble).max()).astype(np.float32)
    b, a = low_shelf(torch.tensor([12.0]), 30.0, 1.0, RATE)
    expected = sosfilt(torch.cat([b, a], 1).numpy(), x.astype(np.float64))
    with torch.no_grad():
        filtered = run(torch.from_numpy(x)[None], b, a)[0].numpy()
    return 10 * np.log10(np.sum((filtered - expected) ** 2) / np.sum(expected**2))


def main() -> None:
    """Print the table of decision 0018."""
    torch.set_num_threads(1)
    audio = synthetic_audio(1, float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, RATE)
    filters: dict[str, Filter] = {"numba (ours)": biquad, "C++, the same loop": by_cpp()}
    filters |= {"philtorch": by_philtorch, "torchlpc": by_torchlpc}
    filters |= {"FFT": by_fft, "parallel scan in torch": by_scan}
    jobs = {}
    for name, run in filters.items():

        def shelf(x: Tensor, gain: Tensor, run: Filter = run) -> Tensor:
            return run(x, *low_shelf(gain, 100.0, 1.0, RATE))

        work = Workload(name, shelf, (audio, torch.full((1,), 3.0)))
        jobs[name, "f"] = forward(work)
        if "C++" not in name:
            jobs[name, "f+b"] = forward_backward(work)
    timings = time_interleaved(jobs, 5)
    print("| implementation | forward ms | with gradients ms | error dB |")
    print("|---|---:|---:|---:|")
    for name, run in filters.items():
        cells = [timings.get((name, kind)) for kind in ("f", "f+b")]
        times = [f"{quartiles(cell.cpu_ms).median:.1f}" if cell else "–" for cell in cells]
        print(f"| {name} | {' | '.join(times)} | {error_db(run):.0f} |")


if __name__ == "__main__":
    main()
