"""Records of knob predictions are equal with and without rendering."""

import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.identity import Identity
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.evaluation.knob_predictions import evaluate_knob_predictions
from ai_mixer.training.builders import build_evaluation_datamodule


@pytest.fixture
def arguments(mixer):
    systems = {
        "rough": Identity(),
        "mean_knobs": MeanKnobs(mixer),
        "model": CrossConsoleSystem(ModelSystem(mixer), mixer),
    }
    songs = build_evaluation_datamodule(
        mixer.config, mixer.console, None, "reference", held_out_per_song=1
    )
    return systems, CONDITIONS, mixer.console, songs.dataset("test"), "title"


def test_records_equal_those_with_rendering(arguments):
    mixed, _ = evaluate_systems(*arguments)
    mixed = mixed[mixed["system"] != "rough"].reset_index(drop=True)  # no knobs
    predicted = evaluate_knob_predictions(*arguments)
    assert {"error/low_eq", "error/total_gain"} <= set(predicted)
    pd.testing.assert_frame_equal(predicted, mixed[list(predicted)])


def test_nothing_is_rendered(arguments, monkeypatch):
    def mix(*_):
        raise AssertionError("rendered")

    for kind in (KnobSystem, ModelSystem, CrossConsoleSystem, Identity):
        monkeypatch.setattr(kind, "mix", mix)
    assert len(evaluate_knob_predictions(*arguments))
