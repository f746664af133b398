"""The benchmark of a console of several tracks."""

import pytest

from ai_mixer.evaluation.bench.tracks import tracks_table
from helpers.graphs import small_graph


@pytest.mark.slow
def test_every_track_count_has_times_memory_and_live_load():
    table = tracks_table(
        small_graph(groups={}, buses={}, sends={}, ranges={}), 8000, 0.1, 1, (1, 3)
    )
    assert list(table.index) == [1, 3]
    assert (table[["forward ms", "forward + backward ms", "live %"]] > 0).all(axis=None)
