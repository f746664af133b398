import json

import pandas as pd

from ai_mixer.evaluation.bench.output import format_table, timing_columns, write_json
from ai_mixer.evaluation.bench.timing import Timing

TIMING = Timing([3.0, 1.0, 2.0], [2.0, 1.0, 1.5], 99.0)


def test_table_shows_quartiles_and_omits_the_first_call():
    table = pd.DataFrame([{"work": "reverb", **timing_columns("f", TIMING)}]).set_index("work")
    text = format_table(table)
    assert "| reverb | 2.0 [1.5, 2.5] | 1.5 |" in text
    assert "99" not in text


def test_json_holds_machine_info_metadata_and_all_columns(tmp_path):
    table = pd.DataFrame([{"work": "reverb", **timing_columns("f", TIMING)}]).set_index("work")
    path = tmp_path / "a" / "bench.json"
    write_json(table, path, seconds=10.0)
    read = json.loads(path.read_text())
    assert read["seconds"] == 10.0
    assert {"cores", "torch", "date"} <= set(read["machine"])
    assert read["rows"][0]["f first ms"] == 99.0
    assert read["rows"][0]["work"] == "reverb"
