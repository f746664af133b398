"""AudioMixer: take any audio file, predict the settings, apply them, hear the result, compare."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ai_mixer.audio import Sound
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Mixer
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.compare import compare
from ai_mixer.mixing.measurements import Figures, measure
from ai_mixer.mixing.mix_options import FREE, SAFE, Values, Wishes, decide
from ai_mixer.mixing.mix_result import Outcome
from ai_mixer.mixing.model_lookup import chosen
from ai_mixer.mixing.paths import beside_names, default_output
from ai_mixer.mixing.preset import Preset, Section
from ai_mixer.mixing.render import check_free, check_output
from ai_mixer.mixing.segmentation import borders_s
from ai_mixer.mixing.windowed_prediction import predicted
from ai_mixer.mixing.write_mix import finish
from ai_mixer.utils.memory import give_back
from ai_mixer.utils.parallel import ahead, one_thread


class ByName(dict[str, Values]):
    """Model → settings; display names such as 'AST Regressor' find them as well."""

    def __missing__(self, name: str) -> Values:
        key = pretrained.key(name)
        if key == name or key not in self:
            raise KeyError(f"no model {name!r}: there is {', '.join(self) or 'none'}")
        return self[key]


class AudioMixer:
    """Mixes songs with the packaged models, or with any trained one.

    model: the one that is used where none is named: a packaged name, a run's id, a folder. None is
    the champion. Nothing is loaded before it is needed; nothing is fetched from anywhere.
    """

    def __init__(self, model: str | None = None) -> None:
        self.model = model

    @property
    def models(self) -> list[str]:
        """The packaged models, the champion first."""
        return pretrained.names()

    def predict_mixing_parameters(self, path: str | Path) -> ByName:
        """Packaged model → knob → value in its own unit, as `mix_file` would set it without a wish.

        So within the musical range, and nearer neutral where the model is unsure.
        """
        sound = Sound(path)
        pretrained.champion()  # says so if there is none
        whole = (0.0, sound.duration_s)
        return ByName({name: _settings(chosen(name)[1], sound, *whole) for name in self.models})

    def apply_mixing_parameters(
        self, audio: Any, sample_rate: int, settings: Mapping[str, float]
    ) -> Any:
        """Audio through the console, safety limiter included. A missing knob is neutral.

        audio: [T], [C, T] or [B, C, T], numpy or torch, full scale = 1. Returns the same kind and
        shape. ValueError for a knob that is none or a value out of range.
        """
        given = torch.as_tensor(np.asarray(audio) if not torch.is_tensor(audio) else audio)
        songs = given.float().reshape(-1, *given.shape[-2:]) if given.dim() > 1 else None
        songs = given.float()[None, None] if songs is None else songs
        console = console_cache.console()
        knobs = console.knobs_from(dict(settings)).expand(len(songs), -1)
        lighter, knobs = console.turned(knobs)
        with torch.inference_mode():
            mix = lighter(songs, sample_rate, knobs).reshape(given.shape)
        return mix if torch.is_tensor(audio) else mix.numpy().astype(_float_like(audio))

    def mix_with_model(
        self, path: str | Path, model: str | None = None, output: str | Path | None = None
    ) -> Any:
        """The mix of a song as samples [C, T], float32. output: also written there, with report."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="ai_mixer-") as folder:
            target = Path(output) if output else Path(folder) / "mix.wav"
            self.mix_file(path, target, model=model, beside=output is not None)
            return torch.cat(list(Sound(target).blocks()), -1).numpy()

    def mix_file(
        self,
        path: str | Path,
        output: str | Path | None = None,
        *,
        model: str | None = None,
        reference: str | Path | None = None,
        preset: Preset | None = None,
        wishes: Wishes | None = None,
        target: float | str | None = None,
        ceiling_db: float = -1.0,
        adaptive: bool = False,
        force: bool = False,
        beside: bool = True,
    ) -> Outcome:
        """Mix a song from file to file; settings and report are written beside the result.

        output: default `<song>_mixed` with the song's own ending. reference: a song that it is to
        sound like. preset: instead of a model. target: as `deliver` takes it; None keeps the
        loudness. adaptive: settings of their own for each section. beside: False writes no settings
        and no report. ValueError or OSError in one line.
        """
        path, wishes = Path(path), wishes or Wishes()
        target = wishes.taste.target if target is None else target
        output = Path(output) if output else default_output(path)
        check_output(output, path, force)
        check_free(beside_names(output) if beside else (), force)
        sound = Sound(path)
        other = Sound(reference) if reference else None
        with one_thread():
            before = measure(ahead(sound.blocks()), sound.sample_rate)
            give_back()
            if preset is None:
                preset = self.decided(sound, before, model, other, wishes, adaptive)
                preset = replace(preset, target=target, ceiling_db=ceiling_db)
                give_back()
            return finish(sound, before, preset, output, beside=beside)

    def decided(
        self,
        sound: Sound,
        before: Figures,
        model: str | None,
        reference: Sound | None,
        wishes: Wishes,
        adaptive: bool,
    ) -> Preset:
        """The settings for a song, by a model."""
        name, mixer = chosen(model or self.model)
        held = wishes.taste.ranges or (FREE if reference else SAFE)
        starts = borders_s(before.seconds) if adaptive else [0.0]
        stops = [*starts[1:], sound.duration_s]
        sections = []
        for start_s, stop_s in zip(starts, stops, strict=True):
            settings = _settings(mixer, sound, start_s, stop_s, reference, wishes, held)
            sections.append(Section(start_s, settings))
        heard = f", after {reference.path.name}" if reference else ""
        title = pretrained.display_name(name) if name in self.models else name
        return Preset(tuple(sections), model=name, about=f"mixed by {title}{heard}")

    def mix_song_with_all_models(self, path: str | Path, folder: str | Path | None = None) -> Path:
        """The song by every packaged model, with a picture and a table: see `compare`."""
        return compare(self.mix_file, Path(path), self.models, Path(folder) if folder else None)


def _settings(
    mixer: Mixer,
    sound: Sound,
    start_s: float,
    stop_s: float,
    reference: Sound | None = None,
    wishes: Wishes | None = None,
    held: str = SAFE,
) -> Values:
    """What the model sets for this part of the song, as it is wished for, within `held`."""
    said = predicted(mixer, sound, reference, start_s, stop_s, held_back=True)
    return decide(said, console_cache.knobs(), wishes or Wishes(), console_cache.knobs(held))


def _float_like(audio: Any) -> Any:
    kind = np.asarray(audio).dtype
    return kind if kind.kind == "f" else np.float32
