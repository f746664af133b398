"""Outputs of the baselines, and errors for missing packages and unknown names."""

import sys

import numpy as np
import pytest
import torch

from ai_mixer.core.types import Prediction
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines import matching
from ai_mixer.evaluation.baselines.features import features, meters
from ai_mixer.evaluation.baselines.loudness_only import LoudnessOnly
from ai_mixer.evaluation.baselines.matching import MatcheringBaseline
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.registry import (
    REQUIRED_SYSTEMS,
    SYSTEM_NAMES,
    resolve_system_names,
)
from ai_mixer.evaluation.baselines.ridge import Ridge
from ai_mixer.evaluation.baselines.training_set import TrainingTable
from ai_mixer.evaluation.baselines.trees import Trees
from ai_mixer.evaluation.records import stage_metrics

RATE = 44100


def test_loudness_only_matches_the_target_loudness(batch):
    blind = LoudnessOnly().mix(batch, "blind").audio
    assert loudness_lufs(blind, RATE).tolist() == pytest.approx([-14.0] * 2, abs=0.01)
    paired = LoudnessOnly().mix(batch, "paired").audio
    target = loudness_lufs(batch.finished, RATE)
    assert loudness_lufs(paired, RATE).tolist() == pytest.approx(target.tolist(), abs=0.01)
    ratio = paired / batch.rough
    assert ratio.flatten(1).std(1).max() < 1e-5  # a constant gain


def test_features_are_meters_and_their_differences(batch):
    blind, paired = features(batch, "blind"), features(batch, "paired")
    assert blind.shape == (2, 31)
    assert paired.shape == (2, 93)
    louder = meters(2 * batch.rough, RATE) - blind
    assert louder[:, :29].flatten().tolist() == pytest.approx([6.02] * 58, abs=0.02)
    assert louder[:, 29:].abs().max() < 1e-3  # crest and width do not depend on level
    assert torch.equal(paired[:, 62:], paired[:, 31:62] - paired[:, :31])


class LinearTrainingSet:
    """Examples whose knobs are linear in the first feature."""

    def __init__(self, knobs, masked=None):
        rng = np.random.default_rng(0)
        x = {"blind": rng.normal(size=(120, 4)).astype("float32")}
        x |= {name: rng.normal(size=(120, 4)).astype("float32") for name in ("reference", "paired")}
        truth = np.tile(0.5 + 0.1 * x["blind"][:, :1], knobs)
        mask = np.ones((120, knobs), bool)
        if masked is not None:
            mask[10:, masked], truth[10:, masked] = False, 99.0
        self.table = TrainingTable(x, truth, mask)


@pytest.mark.parametrize("kind", [Ridge, Trees])
def test_regression_ignores_masked_examples(kind, predictor, batch, monkeypatch):
    knobs, low = len(predictor.trained_knobs), predictor.console.names.index("low_eq")
    system = kind(predictor, LinearTrainingSet(knobs, masked=low))
    system.prepare()
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr("ai_mixer.evaluation.baselines.regression.features", lambda *_: x)
    batch.knobs = torch.zeros(2, knobs)
    knob_positions = system.predict(batch, "blind").knobs
    assert (knob_positions[:, 0] - (0.5 + 0.1 * x[:, 0])).abs().max() < 0.08
    # Counted in ten examples only: the mean.
    assert knob_positions[:, low].tolist() == pytest.approx([0.4, 0.4])
    reverb = predictor.console.names.index("reverb")  # untrained
    assert knob_positions[:, reverb].eq(predictor.console.neutral[reverb]).all()
    assert torch.equal(knob_positions, system.predict(batch, "blind").knobs)


def test_mean_knobs_are_equal_for_all_songs(predictor, batch):
    batch.knobs = torch.zeros(2, len(predictor.trained_knobs))
    audio, (predicted, applied) = MeanKnobs(predictor).mix(batch, "blind")
    assert predicted.knobs.std(0).max() == 0
    assert applied is predicted
    assert audio.shape == batch.rough.shape


def test_cross_console_system_keeps_the_settings(predictor, batch):
    from ai_mixer.console.load import load_console

    prediction = Prediction(torch.full((2, len(predictor.trained_knobs)), 0.6))
    predictor.predict_batch = lambda batch, condition: prediction
    half = Prediction(0.5 * prediction.knobs)
    predictor.apply = lambda prediction: half
    other = type(predictor)(**vars(predictor) | {"console": load_console(ranges="musical")})
    same, converted = (
        CrossConsoleSystem(ModelSystem(predictor), truth).mix(batch, "blind")
        for truth in (predictor, other)
    )
    assert same.audio.equal(converted.audio)
    for own, of_other in zip(same.stages, converted.stages, strict=True):
        assert not own.knobs.allclose(of_other.knobs)
        expected = physical_values(predictor.console, own.knobs)
        found = physical_values(other.console, of_other.knobs)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def physical_values(console, knobs):
    """Values in units [B, P], also outside the ranges."""
    columns = zip(console.knobs, knobs.double().unbind(1), strict=True)
    return torch.stack([knob.to_physical(column) for knob, column in columns], dim=1)


def test_records_have_the_errors_of_both_stages(predictor, batch):
    """What is shown is scored: the mix, and the knobs that it was rendered with."""
    knobs = torch.full((2, len(predictor.trained_knobs)), 0.6)
    batch.knobs, batch.mask = knobs - 0.2, torch.ones_like(knobs, dtype=torch.bool)
    predictor.predict_batch = lambda batch, condition: Prediction(knobs)
    predictor.apply = lambda prediction: Prediction(prediction.knobs - 0.1)
    audio, stages = ModelSystem(predictor).mix(batch, "blind")
    measured = stage_metrics(predictor.console, stages, batch)
    names = [*predictor.console.names, "total_gain"]
    assert {f"error/{name}" for name in names} < set(measured)
    assert {f"applied_error/{name}" for name in names} < set(measured)
    assert measured["error/low_eq"].tolist() == pytest.approx([0.2, 0.2])
    assert measured["applied_error/low_eq"].tolist() == pytest.approx([0.1, 0.1])
    assert audio.equal(predictor.console(batch.rough, batch.sample_rate, knobs - 0.1))


def test_resolve_system_names():
    assert resolve_system_names("all") == SYSTEM_NAMES
    assert resolve_system_names(["ridge"]) == ("rough", "mean_knobs", "ridge")
    assert set(resolve_system_names([])) == set(REQUIRED_SYSTEMS)
    with pytest.raises(ValueError, match=r"systems: 'ridgy'.*rough, .*all"):
        resolve_system_names(["ridgy"])


FAKE = """
class Config:
    def __init__(self, internal_sample_rate):
        self.rate = internal_sample_rate
"""
FAKE_STAGES = """
def main(target, reference, config, need_default):
    assert need_default
    return target * 0.5 + reference[: len(target)] * 0.25, None, None
"""


def test_matchering_script_passes_rough_then_target(batch, tmp_path, monkeypatch):
    """With a stand-in for the package."""
    package = tmp_path / "matchering"
    package.mkdir()
    (package / "__init__.py").write_text(FAKE)
    (package / "stages.py").write_text(FAKE_STAGES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    system = MatcheringBaseline(matching.Path(sys.executable))
    system.prepare()
    output = system.mix(batch, "paired")
    assert output.stages is None
    assert torch.allclose(output.audio, 0.5 * batch.rough + 0.25 * batch.finished, atol=1e-6)


def test_missing_matchering_raises(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="make bench-peers"):
        MatcheringBaseline(tmp_path / "python").prepare()
    empty = tmp_path / "matchering.py"
    empty.write_text("raise ImportError('not for this machine')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OSError, match="matchering: ImportError: not for this machine"):
        MatcheringBaseline(matching.Path(sys.executable)).prepare()
