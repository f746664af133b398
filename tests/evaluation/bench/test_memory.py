import math

import numpy as np
import pytest

from ai_mixer.evaluation.bench.memory import peak_mib


@pytest.mark.slow
def test_peak_memory_of_a_32_mib_allocation():
    def job():
        np.ones(32 << 17).sum()  # 32 MiB

    peak = peak_mib(job)
    if math.isnan(peak):
        pytest.skip("no /proc on this system")
    assert 30 < peak < 45
    assert peak_mib(lambda: None) < 5
