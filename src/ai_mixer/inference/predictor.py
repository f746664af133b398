"""A trained model at its console: the front door for everything that is not training."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ai_mixer.config.allowed_targets import check_targets, config_from_card
from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.data.excerpt_sampler import excerpt_seconds
from ai_mixer.dsp.resample import resample
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.inference.refinement import refine
from ai_mixer.inference.shrinkage import shrink_to_neutral
from ai_mixer.models.feature_model import FeatureModel, predict_audio
from ai_mixer.tracking.model_files import load_model_files
from ai_mixer.tracking.run_lookup import find_run

MAX_WINDOWS = 8  # excerpts of a long song that the model listens to
FEATURE_MISMATCH = "was made by another version of ai_mixer: train it again, or use that version"
MIN_WINDOW_SAMPLES = 8192  # samples: shorter audio is padded with silence so that one frame fits


class Predictor:
    """Listens and sets the knobs; `console` renders the mix.

    card: what model.json says (config, knobs, trained knobs, mean knobs). Knobs the model was
    never trained on are held at neutral. allow_targets: further packages that
    its config may name.
    """

    def __init__(
        self,
        model: nn.Module,
        console: Console,
        card: dict[str, Any],
        allow_targets: Sequence[str] = (),
    ) -> None:
        self.model = model.eval()
        self.console = console
        self.card = card
        self.config = config_from_card(card["config"], allow_targets)
        loader = self.config.loader
        self.sample_rate: int = loader.sample_rate
        seconds = excerpt_seconds(loader.excerpt_s)
        self.window = None if seconds is None else round(seconds * self.sample_rate)
        self.trained_knobs = torch.tensor([knob.name in card["trained"] for knob in console.knobs])
        self.calibration = self._factors(card.get("calibration"))
        self.mean_knobs = torch.tensor([card["mean_knobs"][knob.name] for knob in console.knobs])

    def predict(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
    ) -> Tensor:
        """Knob positions [B, P] in 0–1 for rough audio: what `opinion` says, without its doubts."""
        return self.predict_with_uncertainty(audio, sample_rate, reference, finished).knobs

    def shrink(self, prediction: Prediction) -> Prediction:
        """What to mix with (see `caution`); what was said, where no spread is known."""
        held = shrink_to_neutral(prediction, self.console.neutral)
        return held._replace(knobs=self.set_untrained_to_neutral(held.knobs))

    def refine(
        self,
        prediction: Prediction,
        rough: Tensor,
        target: Tensor,
        condition: str,
        sample_rate: int,
    ) -> Prediction:
        """What was said, or held back, in the light of what is given (see `refining`)."""
        desk = (self.console, sample_rate, self.trained_knobs)
        return refine(prediction, rough, target, condition, *desk)

    @torch.inference_mode()
    def predict_with_uncertainty(
        self,
        audio: Tensor,
        sample_rate: int,
        reference: Tensor | None = None,
        finished: Tensor | None = None,
    ) -> Prediction:
        """Knobs [B, P] and how far off they may be, for audio [B, C, T] (or [C, T], then B = 1).

        reference: another excerpt of the production to sound like, [B or 1, C, any length];
        finished: the finished versions of these very excerpts, [B, C, T]. All at `sample_rate`.
        Long audio is heard in up to 8 windows, and the knobs averaged. ValueError on bad shapes.
        """
        if reference is not None and finished is not None:
            raise ValueError("give a reference or a finished version, not both")
        rough = self._windows(audio, sample_rate, "audio")
        condition, heard = "blind", torch.zeros_like(rough)
        if reference is not None:
            condition, heard = "reference", self._windows(reference, sample_rate, "reference")
        if finished is not None:
            condition, heard = "paired", self._windows(finished, sample_rate, "finished")
        if heard.shape[1] == 1 < rough.shape[1]:
            heard = heard.expand(-1, rough.shape[1], -1, -1)  # one reference for all songs
        if heard.shape[1] != rough.shape[1]:
            songs, target = rough.shape[1], heard.shape[1]
            raise ValueError(f"{songs} songs need {songs} of {condition} (or one), got {target}")
        if condition == "paired" and heard.shape != rough.shape:
            raise ValueError("finished must be as long as audio: it is the same excerpt")
        return self._listen(rough, heard, condition)

    def predict_batch(self, batch: Batch, condition: str) -> Prediction:
        """What it says of a batch's roughs under a condition."""
        target = {"reference": batch.reference, "finished": batch.finished}
        name = {"reference": "reference", "paired": "finished"}.get(condition)
        return self.predict_with_uncertainty(
            batch.rough, batch.sample_rate, **({name: target[name]} if name else {})
        )

    def _factors(self, known: Mapping[str, Mapping[str, float]] | None) -> Tensor:
        """What a spread is multiplied by (`training.calibration`): [3, P].

        NaN for a knob of which too little was seen: then nobody knows how far off it is. 1 where
        nothing was ever calibrated.
        """
        if known is None:
            return torch.ones(len(CONDITIONS), len(self.console.names))
        rows = [[known[c].get(k, math.nan) for k in self.console.names] for c in CONDITIONS]
        return torch.tensor(rows)

    def set_untrained_to_neutral(self, knobs: Tensor) -> Tensor:
        """The knobs, with those the model never learned at neutral."""
        return torch.where(self.trained_knobs, knobs, self.console.neutral)

    def _listen(self, rough: Tensor, heard: Tensor, condition: str) -> Prediction:
        count = max(rough.shape[0], heard.shape[0])
        songs = rough.shape[1]
        windows = torch.arange(count)
        rough, heard = rough[windows % rough.shape[0]], heard[windows % heard.shape[0]]
        conditions = torch.full((count * songs,), CONDITIONS.index(condition))
        length = max(rough.shape[-1], heard.shape[-1])
        flat = [_pad(x.flatten(0, 1), length) for x in (rough, heard)]
        prediction = predict_audio(self.model, flat[0], flat[1], conditions)
        knobs = self.set_untrained_to_neutral(prediction.knobs.view(count, songs, -1).mean(0))
        if prediction.uncertainty is None:
            return Prediction(knobs)
        uncertainty = prediction.uncertainty.view(count, songs, -1).mean(0)  # windows err together
        return Prediction(knobs, uncertainty * self.calibration[CONDITIONS.index(condition)])

    def _windows(self, audio: Tensor, sample_rate: int, name: str) -> Tensor:
        """[B, C, T] → [windows, B, 2, window] at the model's rate."""
        audio = audio[None] if audio.dim() == 2 else audio
        if not audio.isfinite().all():
            raise ValueError(f"{name} holds NaN or infinite samples: export the file again")
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
    """Give it its weights. ValueError in one line if they are of another version's networks."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{where}: {FEATURE_MISMATCH}") from error


def feature_config_of(model: nn.Module) -> list[Any]:
    """What it hears, as a card tells it; empty for a model that does not listen."""
    return list(model.feature_config) if isinstance(model, FeatureModel) else []


def load_model(where: str | Path = "last", allow_targets: Sequence[str] = ()) -> Predictor:
    """The mixer of a run: "last", a run id (or its unique beginning), or a folder with model.json.

    allow_targets: packages of yours that the model may name; the file cannot say this for itself.
    FileNotFoundError or ValueError in one line if there is none, of an unknown format or of a
    version that heard otherwise, or if it names code outside the allowed places.
    """
    weights, card = load_model_files(find_run(where))
    cfg = config_from_card(card["config"], allow_targets)
    check_targets(cfg, allow_targets)
    console = build_console(cfg)
    model = build_model(cfg, console)
    if card.get("ears") not in (None, feature_config_of(model)):
        raise ValueError(f"{where}: {FEATURE_MISMATCH}")
    load_weights(model, weights, where)  # cards of before did not tell the ears
    return Predictor(model, console, card, allow_targets)


def _pad(audio: Tensor, length: int) -> Tensor:
    return nn.functional.pad(audio, (0, length - audio.shape[-1]))
