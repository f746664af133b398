"""Predict knobs for audio with a trained model; used by everything except training."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ai_mixer.config.allowed_targets import check_targets, config_from_card
from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Batch, Condition, Prediction
from ai_mixer.data.excerpt_sampler import excerpt_seconds
from ai_mixer.dsp.resample import resample
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.inference.refinement import refine
from ai_mixer.inference.shrinkage import shrink_to_neutral
from ai_mixer.models.feature_model import FeatureModel, predict_audio
from ai_mixer.tracking.model_files import load_model_files
from ai_mixer.tracking.run_lookup import find_run

MAX_WINDOWS = 8  # excerpts of a long song that are analysed
FEATURE_MISMATCH = "was trained by another version of ai_mixer: train it again or use that version"
MIN_WINDOW_SAMPLES = 8192  # samples; shorter audio is padded with silence to fit one frame


class Predictor:
    """Predict knobs with a trained model; its `console` renders the mix.

    card: contents of model.json (config, knobs, trained knobs, mean knobs). Knobs masked in
    training stay at neutral. allow_targets: further packages that its config may name. folder: of
    the model's files; None if it was not loaded from files.
    """

    def __init__(
        self,
        model: nn.Module,
        console: Console,
        card: dict[str, Any],
        allow_targets: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self.model = model.eval()
        self.folder = folder
        self.console = console
        self.card = card
        self.config = config_from_card(card["config"], allow_targets)
        loader = self.config.loader
        self.sample_rate: int = loader.sample_rate
        seconds = excerpt_seconds(loader.excerpt_s)
        self.window = None if seconds is None else round(seconds * self.sample_rate)
        self.trained_knobs = torch.tensor([knob.name in card["trained"] for knob in console.knobs])
        self.calibration = self._calibration_factors(card.get("calibration"))
        self.mean_knobs = torch.tensor([card["mean_knobs"][knob.name] for knob in console.knobs])

    def predict(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
    ) -> Tensor:
        """Predict knob positions [B, P] in 0–1; arguments as in `predict_with_uncertainty`."""
        return self.predict_with_uncertainty(audio, sample_rate, reference, finished).knobs

    def shrink(self, prediction: Prediction) -> Prediction:
        """Shrink uncertain knobs towards neutral (see `shrinkage`); set untrained ones to it."""
        shrunk = shrink_to_neutral(prediction, self.console.neutral)
        return shrunk._replace(knobs=self.set_untrained_to_neutral(shrunk.knobs))

    def refine(
        self,
        prediction: Prediction,
        rough: Tensor,
        target: Tensor,
        condition: Condition,
        sample_rate: int,
    ) -> Prediction:
        """Refine a prediction with a reference or the finished version (see `refinement`)."""
        options = (self.console, sample_rate, self.trained_knobs)
        return refine(prediction, rough, target, condition, *options)

    @torch.inference_mode()
    def predict_with_uncertainty(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
    ) -> Prediction:
        """Predict knobs [B, P] and their uncertainty for audio [B, C, T] (or [C, T], then B = 1).

        reference: another excerpt of the production to match, [B or 1, C, any length]; finished:
        the finished versions of the same excerpts, [B, C, T]. All at `sample_rate`. Predictions
        for long audio are averaged over up to 8 windows. ValueError on bad shapes, NaN or infinity.
        """
        if reference is not None and finished is not None:
            raise ValueError("give a reference or a finished version, not both")
        rough = self._windows(audio, sample_rate, "audio")
        condition: Condition = "blind"
        target = torch.zeros_like(rough)
        if reference is not None:
            condition, target = "reference", self._windows(reference, sample_rate, "reference")
        if finished is not None:
            condition, target = "paired", self._windows(finished, sample_rate, "finished")
        if target.shape[1] == 1 < rough.shape[1]:
            target = target.expand(-1, rough.shape[1], -1, -1)  # one reference for all songs
        songs = rough.shape[1]
        if target.shape[1] != songs:
            raise ValueError(
                f"{condition} must have the batch size of audio ({songs}) or 1, "
                f"got {target.shape[1]}"
            )
        if condition == "paired" and target.shape != rough.shape:
            raise ValueError("finished must be as long as audio: it is the same excerpt")
        return self._predict_windows(rough, target, condition)

    def predict_batch(self, batch: Batch, condition: Condition) -> Prediction:
        """Predict for the roughs of a batch under a condition."""
        target = {"reference": batch.reference, "finished": batch.finished}
        name = {"reference": "reference", "paired": "finished"}.get(condition)
        return self.predict_with_uncertainty(
            batch.rough, batch.sample_rate, **({name: target[name]} if name else {})
        )

    def set_untrained_to_neutral(self, knobs: Tensor) -> Tensor:
        """Return the knobs [B, P] with those masked in training at neutral."""
        return torch.where(self.trained_knobs, knobs, self.console.neutral)

    def _calibration_factors(self, known: Mapping[str, Mapping[str, float]] | None) -> Tensor:
        """Factors on the uncertainty (`training.calibration`): [3, P].

        NaN (unknown) for a knob with too few examples; 1 if the model was not calibrated.
        """
        if known is None:
            return torch.ones(len(CONDITIONS), len(self.console.names))
        rows = [[known[c].get(k, math.nan) for k in self.console.names] for c in CONDITIONS]
        return torch.tensor(rows)

    def _predict_windows(self, rough: Tensor, target: Tensor, condition: Condition) -> Prediction:
        """Mean prediction over windows [windows, B, 2, window] of rough and target."""
        count = max(rough.shape[0], target.shape[0])
        songs = rough.shape[1]
        windows = torch.arange(count)
        rough, target = rough[windows % rough.shape[0]], target[windows % target.shape[0]]
        conditions = torch.full((count * songs,), CONDITIONS.index(condition))
        length = max(rough.shape[-1], target.shape[-1])
        flat = [_pad(x.flatten(0, 1), length) for x in (rough, target)]
        prediction = predict_audio(self.model, flat[0], flat[1], conditions)
        knobs = self.set_untrained_to_neutral(prediction.knobs.view(count, songs, -1).mean(0))
        if prediction.uncertainty is None:
            return Prediction(knobs)
        # The errors of a song's windows are correlated, so averaging does not reduce them.
        uncertainty = prediction.uncertainty.view(count, songs, -1).mean(0)
        return Prediction(knobs, uncertainty * self.calibration[CONDITIONS.index(condition)])

    def _windows(self, audio: Tensor, sample_rate: int, name: str) -> Tensor:
        """Cut [B, C, T] into windows [windows, B, 2, window] at the model's rate."""
        audio = audio[None] if audio.dim() == 2 else audio
        if not audio.isfinite().all():
            raise ValueError(f"{name} has NaN or infinite samples: export the file again")
        if audio.dim() != 3 or audio.shape[1] not in {1, 2} or audio.shape[2] == 0:
            raise ValueError(
                f"{name} must be [B, 1 or 2, T] or [1 or 2, T], got {list(audio.shape)}"
            )
        audio = resample(audio.float(), sample_rate, self.sample_rate).expand(-1, 2, -1)
        length = audio.shape[-1]
        if self.window is None or length <= self.window:
            return _pad(audio, max(length, MIN_WINDOW_SAMPLES))[None]
        count = min(MAX_WINDOWS, length // self.window)
        starts = torch.linspace(0, length - self.window, count).long() if count > 1 else [0]
        return torch.stack([audio[..., int(s) : int(s) + self.window] for s in starts])


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str | Path) -> None:
    """Load the module's weights. ValueError if they belong to networks of another version."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{where}: {FEATURE_MISMATCH}") from error


def feature_config_of(model: nn.Module) -> list[Any]:
    """Return the feature configuration as in a card; empty for a model without features."""
    return list(model.feature_config) if isinstance(model, FeatureModel) else []


def load_model(where: str | Path = "last", allow_targets: Sequence[str] = ()) -> Predictor:
    """Load the model of a run: "last", a run id (or a unique prefix), or a folder with model.json.

    allow_targets: further packages that the model's config may name; the file itself cannot allow
    them. FileNotFoundError if there is no such model; ValueError if its format or its features are
    of another version, or if it names code outside the allowed packages.
    """
    folder = find_run(where)
    weights, card = load_model_files(folder)
    cfg = config_from_card(card["config"], allow_targets)
    check_targets(cfg, allow_targets)
    console = build_console(cfg)
    model = build_model(cfg, console)
    if card.get("ears") not in (None, feature_config_of(model)):
        raise ValueError(f"{where}: {FEATURE_MISMATCH}")
    load_weights(model, weights, where)  # also detects a mismatch of old cards without "ears"
    return Predictor(model, console, card, allow_targets, folder)


def _pad(audio: Tensor, length: int) -> Tensor:
    return nn.functional.pad(audio, (0, length - audio.shape[-1]))
