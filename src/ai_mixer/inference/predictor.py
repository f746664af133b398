"""Predict knobs for audio with a trained model, and mix with them.

A mix has two stages. The *predicted* knobs are the output of the model. The *applied* knobs are
what the mix is rendered with: `Predictor.apply` makes them from the predicted ones, and everything
that mixes uses it.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ai_mixer.config.allowed_targets import check_targets, config_from_card
from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Batch, Condition, KnobStages, Prediction
from ai_mixer.data.excerpt_sampler import excerpt_seconds
from ai_mixer.inference import pretrained, windows
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.inference.refinement import RefinementAudio, refine
from ai_mixer.inference.shrinkage import shrink_to_neutral
from ai_mixer.models.feature_model import FeatureModel, predict_audio
from ai_mixer.models.track_model import TrackModel
from ai_mixer.tracking.model_files import load_model_files
from ai_mixer.tracking.run_lookup import find_run

FEATURE_MISMATCH = "was trained by another version of ai_mixer: train it again or use that version"


class Predictor:
    """A trained model with its `console`: `mix` renders audio with the knobs it predicts.

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

    @property
    def device(self) -> torch.device:
        """Device of model and console. Audio is moved there; results are on it."""
        return self.console.neutral.device

    @property
    def joins_windows(self) -> bool:
        """Whether the windows of a song are predicted as one excerpt."""
        return bool(getattr(self.model, "joins_windows", False))

    def to(self, device: str | torch.device) -> Self:
        """Move model and console to a device, in place."""
        self.model.to(device)
        self.console.to(device)
        for name in ("trained_knobs", "calibration", "mean_knobs"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    @torch.no_grad()
    def mix(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
        *,
        refine: bool = True,
        limit: bool = True,
    ) -> Tensor:
        """Mix audio [B, C, T] or [C, T] with the applied knobs. Returns the same shape.

        limit: False omits the safety limiter. Other arguments and errors as in `stages`.
        """
        applied = self.stages(audio, sample_rate, reference, finished, refine=refine).applied
        songs = torch.as_tensor(audio, device=self.device)
        mix = self.console(
            songs[None] if songs.dim() == 2 else songs, sample_rate, applied.knobs, limit=limit
        )
        return mix[0] if songs.dim() == 2 else mix

    @torch.no_grad()
    def stages(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
        *,
        refine: bool = True,
    ) -> KnobStages:
        """Return the predicted and the applied knobs; arguments as in `predict_with_uncertainty`.

        refine: with a reference or finished version, refine the knobs by rendering, as
        `ai-mixer mix --reference` does (some seconds per song). Needs a model that predicts its
        uncertainty; others are not refined.
        """
        inputs = self._inputs(audio, sample_rate, reference, finished)
        predicted, refinement = self._predict_windows(inputs), None
        if refine and finished is not None:
            songs = [torch.as_tensor(x, device=self.device) for x in (audio, finished)]
            rough, target = (x[None] if x.dim() == 2 else x for x in songs)
            refinement = RefinementAudio(rough, target, "paired", sample_rate)
        elif refine and reference is not None:
            rough, target = (windows.reference_excerpt(x, self.sample_rate) for x in inputs[:2])
            refinement = RefinementAudio(rough, target, "reference", self.sample_rate)
        return KnobStages(predicted, self.apply(predicted, refinement))

    def apply(
        self, prediction: Prediction, refinement: RefinementAudio | None = None
    ) -> Prediction:
        """Return the applied knobs of a prediction: those that a mix is rendered with.

        Uncertain knobs are shrunk towards neutral, then refined if `refinement` is given and the
        prediction has uncertainties. Under `paired`, refinement replaces the shrinkage: its target
        is the finished version itself.
        """
        if refinement is None or prediction.uncertainty is None:
            return self.shrink(prediction)
        start = prediction if refinement.condition == "paired" else self.shrink(prediction)
        return self.refine(start, *refinement)

    def predict(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
    ) -> Tensor:
        """Predict knob positions [B, P] in 0–1; arguments as in `predict_with_uncertainty`.

        These are the predicted knobs: `mix` renders with the applied ones.
        """
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

    @torch.no_grad()
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
        for long audio are averaged over up to 8 windows. Audio may be a NumPy array. The result has
        no gradient to the audio. ValueError on bad shapes, integers, NaN or infinity.
        """
        return self._predict_windows(self._inputs(audio, sample_rate, reference, finished))

    def _inputs(
        self, audio: Tensor, sample_rate: int, reference: Tensor | None, finished: Tensor | None
    ) -> windows.ModelInputs:
        def cut(audio: Tensor, name: str) -> Tensor:
            audio = torch.as_tensor(audio, device=self.device)
            return windows.cut_windows(audio, sample_rate, self.sample_rate, self.window, name)

        return windows.model_inputs(audio, reference, finished, cut)

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

    def _predict_windows(self, inputs: windows.ModelInputs) -> Prediction:
        """Mean prediction over the windows."""
        rough, target, condition = inputs
        if self.joins_windows:
            rough, target = (torch.cat(list(x), -1)[None] for x in (rough, target))
        count = max(rough.shape[0], target.shape[0])
        songs = rough.shape[1]
        numbers = torch.arange(count, device=self.device)
        rough, target = rough[numbers % rough.shape[0]], target[numbers % target.shape[0]]
        conditions = torch.full((count * songs,), CONDITIONS.index(condition), device=self.device)
        length = max(rough.shape[-1], target.shape[-1])
        flat = [x.flatten(0, 1) for x in (rough, target)]
        if not self.joins_windows:
            flat = [windows.pad(x, length) for x in flat]
        prediction = predict_audio(self.model, flat[0], flat[1], conditions)
        knobs = self.set_untrained_to_neutral(prediction.knobs.view(count, songs, -1).mean(0))
        if prediction.uncertainty is None:
            return Prediction(knobs)
        # The errors of a song's windows are correlated, so averaging does not reduce them.
        uncertainty = prediction.uncertainty.view(count, songs, -1).mean(0)
        return Prediction(knobs, uncertainty * self.calibration[CONDITIONS.index(condition)])


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str | Path) -> None:
    """Load the module's weights. ValueError if they belong to networks of another version."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{where}: {FEATURE_MISMATCH}") from error


def feature_config_of(model: nn.Module) -> list[Any]:
    """Return the feature configuration as in a card; empty for a model without features."""
    return list(model.feature_config) if isinstance(model, FeatureModel | TrackModel) else []


def load_model(where: str | Path = "last", allow_targets: Sequence[str] = ()) -> Predictor:
    """Load a trained model with its console.

    where: the name of a packaged model ("ast_regressor"), "last" (the last run in `mlruns/`), a run
    id or a unique prefix of one, or a path to a folder with model.json. A packaged name precedes a
    folder of that name; a `Path` is always a folder.
    allow_targets: further packages that the model's config may name; the file itself cannot allow
    them. FileNotFoundError if there is no such model; ValueError if its format or its features are
    of another version, or if it names code outside the allowed packages.
    """
    folder = model_folder(where)
    weights, card = load_model_files(folder)
    if pretrained.TRACKS_KEY in card:
        raise ValueError(f"{where}: a model of several tracks: this needs one of one stereo file")
    cfg = config_from_card(card["config"], allow_targets)
    check_targets(cfg, allow_targets)
    console = build_console(cfg)
    model = build_model(cfg, console)
    if card.get("ears") not in (None, feature_config_of(model)):
        raise ValueError(f"{where}: {FEATURE_MISMATCH}")
    load_weights(model, weights, where)  # also detects a mismatch of old cards without "ears"
    return Predictor(model, console, card, allow_targets, folder)


def model_folder(where: str | Path) -> Path:
    """Folder with the model.json of a packaged model or a run."""
    packaged = [*pretrained.list_models(), *pretrained.list_track_models()]
    if isinstance(where, str) and pretrained.normalise_name(where) in packaged:
        return pretrained.model_folder(where)
    try:
        return find_run(where)
    except FileNotFoundError as error:
        names = ", ".join(packaged) or "none"
        raise FileNotFoundError(f"{error} (packaged models: {names})") from error
