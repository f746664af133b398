"""Protocol Speed: time and memory of a model's prediction and of the console's rendering."""

import pandas as pd
import torch

from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import quartiles, time_interleaved
from ai_mixer.inference.predictor import Predictor

SECONDS = 30.0
ROUNDS = 5


@torch.inference_mode()
def table_speed(
    predictor: Predictor, seconds: float = SECONDS, rounds: int = ROUNDS
) -> pd.DataFrame:
    """Time prediction ("listening"), rendering, and both ("whole") of one stereo excerpt.

    The excerpt has a reference and the model's sample rate. Columns: `seconds` (median wall time),
    `real_time` (wall time per second of audio) and `peak_mib` (resident memory beyond that of the
    loaded model, MiB). Wall times vary between runs and with the load of the machine.
    """
    rate, console = predictor.sample_rate, predictor.console
    audio = synthetic_audio(1, seconds, rate)
    audio = audio / audio.abs().amax()
    reference, knobs = audio.flip(-1), predictor.predict(audio, rate)
    jobs = {
        "listening": lambda: predictor.predict(audio, rate, reference),
        "rendering": lambda: console(audio, rate, knobs),
        "whole": lambda: console(audio, rate, predictor.predict(audio, rate, reference)),
    }
    median_s = {
        name: quartiles(t.wall_ms).median / 1000
        for name, t in time_interleaved(jobs, rounds).items()
    }
    rows = [
        {
            "seconds": median_s[name],
            "real_time": median_s[name] / seconds,
            "peak_mib": peak_mib(job),
        }
        for name, job in jobs.items()
    ]
    return pd.DataFrame(rows, index=pd.Index(jobs, name=f"{torch.get_num_threads()} threads"))
