import math

import numpy as np
import pytest

from ai_mixer.evaluation.bench.memory import peak_mib


def test_counts_what_a_job_takes_and_gives_back():
    def job():
        np.ones(32 << 17).sum()  # 32 MiB

    peak = peak_mib(job)
    if math.isnan(peak):
        pytest.skip("this system does not count")
    assert 30 < peak < 45
    assert peak_mib(lambda: None) < 5
