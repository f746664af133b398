import gc

import pytest

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.realtime import realtime_load


@pytest.mark.slow
def test_realtime_load_has_positive_shares_per_configuration():
    gc.unfreeze()  # of conftest.py
    frozen = gc.get_freeze_count()
    table = realtime_load(load_console("classic", "wide"), 8000, 64, blocks=150)
    assert {"console", "without limiter"} <= {name for name, _ in table.index}
    assert (table > 0).all().all()
    assert (table["cpu p99.9 %"] > table["cpu %"]).all()
    assert gc.get_freeze_count() == frozen
