"""What systems say of the knobs is the same whether or not somebody mixes with it."""

import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.identity import Rough
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.model import Guest, Model
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.evaluation.evaluator import judged
from ai_mixer.evaluation.knob_predictions import said
from ai_mixer.training.builders import held_out


@pytest.fixture
def question(mixer):
    systems = {
        "rough": Rough(),
        "mean_knobs": MeanKnobs(mixer),
        "model": Guest(Model(mixer), mixer),
    }
    songs = held_out(mixer.config, mixer.console, None, "reference", held_out_per_song=1)
    return systems, CONDITIONS, mixer.console, songs.dataset("test"), "asking"


def test_as_those_who_mix(question):
    mixed, _ = judged(*question)
    mixed = mixed[mixed["system"] != "rough"].reset_index(drop=True)  # it says nothing
    found = said(*question)
    assert {"error/low_eq", "error/total_gain"} <= set(found)
    pd.testing.assert_frame_equal(found, mixed[list(found)])


def test_nobody_mixes(question, monkeypatch):
    def mix(*_):
        raise AssertionError("nobody asked for a mix")

    for kind in (KnobSystem, Model, Guest, Rough):
        monkeypatch.setattr(kind, "mix", mix)
    assert len(said(*question))
