"""AudioMixer: take any audio file, predict the settings, apply them, hear the result, compare."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Predictor
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.compare import compare
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import MUSICAL, WIDE, KnobValues, MixOptions, apply_mix_options
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.paths import default_output, sidecar_paths
from ai_mixer.mixing.preset import Preset, PresetSection
from ai_mixer.mixing.render import check_not_existing, check_output
from ai_mixer.mixing.segmentation import section_starts_s
from ai_mixer.mixing.windowed_prediction import predict_settings
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded


class SettingsByModel(dict[str, KnobValues]):
    """Model → settings; display names such as 'AST Regressor' find them as well."""

    def __missing__(self, name: str) -> KnobValues:
        key = pretrained.normalise_name(name)
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
        return pretrained.list_models()

    def predict_mixing_parameters(self, path: str | Path) -> SettingsByModel:
        """Packaged model → knob → value in its own unit, as `mix_file` would set it without a wish.

        So within the musical range, and nearer neutral where the model is unsure.
        """
        sound = AudioFile(path)
        pretrained.default_model()  # says so if there is none
        whole = (0.0, sound.duration_s)
        return SettingsByModel(
            {
                name: _predicted_settings(resolve_model(name)[1], sound, *whole)
                for name in self.models
            }
        )

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
        console = console_cache.shared_console()
        knobs = console.knobs_from(dict(settings)).expand(len(songs), -1)
        lighter, knobs = console.without_neutral(knobs)
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
            self.mix_file(path, target, model=model, write_sidecars=output is not None)
            return torch.cat(list(AudioFile(target).blocks()), -1).numpy()

    def mix_file(
        self,
        path: str | Path,
        output: str | Path | None = None,
        *,
        model: str | None = None,
        reference: str | Path | None = None,
        preset: Preset | None = None,
        mix_options: MixOptions | None = None,
        target: float | str | None = None,
        ceiling_db: float = -1.0,
        adaptive: bool = False,
        force: bool = False,
        write_sidecars: bool = True,
    ) -> MixResult:
        """Mix a song from file to file; settings and report are written beside the result.

        output: default `<song>_mixed` with the song's own ending. reference: a song that it is to
        sound like. preset: instead of a model. target: as `deliver` takes it; None keeps the
        loudness. adaptive: settings of their own for each section. beside: False writes no settings
        and no report. ValueError or OSError in one line.
        """
        path, mix_options = Path(path), mix_options or MixOptions()
        target = mix_options.style_settings.target if target is None else target
        output = Path(output) if output else default_output(path)
        check_output(output, path, force)
        check_not_existing(sidecar_paths(output) if write_sidecars else (), force)
        sound = AudioFile(path)
        other = AudioFile(reference) if reference else None
        with single_threaded():
            before = measure(prefetch(sound.blocks()), sound.sample_rate)
            release_memory()
            if preset is None:
                preset = self.predict_preset(sound, before, model, other, mix_options, adaptive)
                preset = replace(preset, target=target, ceiling_db=ceiling_db)
                release_memory()
            return render_with_report(sound, before, preset, output, write_sidecars=write_sidecars)

    def predict_preset(
        self,
        sound: AudioFile,
        before: Measurements,
        model: str | None,
        reference: AudioFile | None,
        mix_options: MixOptions,
        adaptive: bool,
    ) -> Preset:
        """The settings for a song, by a model."""
        name, mixer = resolve_model(model or self.model)
        ranges_name = mix_options.style_settings.ranges or (WIDE if reference else MUSICAL)
        starts = section_starts_s(before.seconds) if adaptive else [0.0]
        stops = [*starts[1:], sound.duration_s]
        sections = []
        for start_s, stop_s in zip(starts, stops, strict=True):
            settings = _predicted_settings(
                mixer, sound, start_s, stop_s, reference, mix_options, ranges_name
            )
            sections.append(PresetSection(start_s, settings))
        heard = f", after {reference.path.name}" if reference else ""
        title = pretrained.display_name(name) if name in self.models else name
        return Preset(tuple(sections), model=name, about=f"mixed by {title}{heard}")

    def mix_song_with_all_models(self, path: str | Path, folder: str | Path | None = None) -> Path:
        """The song by every packaged model, with a picture and a table: see `compare`."""
        return compare(self.mix_file, Path(path), self.models, Path(folder) if folder else None)


def _predicted_settings(
    mixer: Predictor,
    sound: AudioFile,
    start_s: float,
    stop_s: float,
    reference: AudioFile | None = None,
    mix_options: MixOptions | None = None,
    ranges_name: str = MUSICAL,
) -> KnobValues:
    """What the model sets for this part of the song, as it is wished for, within `held`."""
    predicted = predict_settings(mixer, sound, reference, start_s, stop_s, shrink=True)
    return apply_mix_options(
        predicted,
        console_cache.knobs_by_name(),
        mix_options or MixOptions(),
        console_cache.knobs_by_name(ranges_name),
    )


def _float_like(audio: Any) -> Any:
    kind = np.asarray(audio).dtype
    return kind if kind.kind == "f" else np.float32
