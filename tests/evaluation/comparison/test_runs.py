"""Runs that are named for a comparison."""

from pathlib import Path

import pytest

from ai_mixer.evaluation.comparison import runs
from ai_mixer.inference import pretrained


@pytest.mark.parametrize("of_tracks", [0, 1])
def test_runs_of_one_file_and_of_several_tracks_are_not_compared(monkeypatch, of_tracks):
    names = [str(pretrained.model_folder(name)) for name in pretrained.list_models()[:2]]
    monkeypatch.setattr(runs, "is_track_model", lambda path: Path(path) == Path(names[of_tracks]))
    with pytest.raises(ValueError, match="several tracks and") as raised:
        runs.find_compared_runs(names, "mlruns")
    assert f"{names[of_tracks]} mixes several tracks" in str(raised.value)
    assert f"{names[1 - of_tracks]} one file" in str(raised.value)
