"""What systems say of the knobs is the same whether or not somebody mixes with it."""

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
def question(mixer):
    systems = {
        "rough": Identity(),
        "mean_knobs": MeanKnobs(mixer),
        "model": CrossConsoleSystem(ModelSystem(mixer), mixer),
    }
    songs = build_evaluation_datamodule(
        mixer.config, mixer.console, None, "reference", held_out_per_song=1
    )
    return systems, CONDITIONS, mixer.console, songs.dataset("test"), "asking"


def test_as_those_who_mix(question):
    mixed, _ = evaluate_systems(*question)
    mixed = mixed[mixed["system"] != "rough"].reset_index(drop=True)  # it says nothing
    found = evaluate_knob_predictions(*question)
    assert {"error/low_eq", "error/total_gain"} <= set(found)
    pd.testing.assert_frame_equal(found, mixed[list(found)])


def test_nobody_mixes(question, monkeypatch):
    def mix(*_):
        raise AssertionError("nobody asked for a mix")

    for kind in (KnobSystem, ModelSystem, CrossConsoleSystem, Identity):
        monkeypatch.setattr(kind, "mix", mix)
    assert len(evaluate_knob_predictions(*question))
