"""Protocol Speed: how long a model listens and a console renders, and what memory it takes."""

import pandas as pd
import torch

from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.timing import quartiles, time_interleaved
from ai_mixer.evaluation.bench.workloads import synthetic_audio
from ai_mixer.inference.predictor import Predictor

SECONDS = 30.0
ROUNDS = 5


@torch.inference_mode()
def table_speed(mixer: Predictor, seconds: float = SECONDS, rounds: int = ROUNDS) -> pd.DataFrame:
    """Index: listening, rendering, whole; one stereo excerpt with a reference, at the model's rate.

    Columns: `seconds` (median), `real_time` (seconds of work per second of music) and `peak_mib`
    (resident memory beyond what the loaded model takes). A clock's figures: they differ from run
    to run and with what else the machine does.
    """
    audio, rate = synthetic_audio(1, seconds, mixer.sample_rate), mixer.sample_rate
    audio = audio / audio.abs().amax()
    reference, knobs = audio.flip(-1), mixer.predict(audio, rate)
    jobs = {
        "listening": lambda: mixer.predict(audio, rate, reference),
        "rendering": lambda: mixer.console(audio, rate, knobs),
        "whole": lambda: mixer.console(audio, rate, mixer.predict(audio, rate, reference)),
    }
    took_s = {
        name: quartiles(t.wall_ms).median / 1000
        for name, t in time_interleaved(jobs, rounds).items()
    }
    rows = [
        {"seconds": took_s[name], "real_time": took_s[name] / seconds, "peak_mib": peak_mib(job)}
        for name, job in jobs.items()
    ]
    return pd.DataFrame(rows, index=pd.Index(jobs, name=f"{torch.get_num_threads()} threads"))
