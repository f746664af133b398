"""AudioMixer: mix audio files with a trained model, from Python."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.inference import pretrained
from ai_mixer.mixing.compare import compare
from ai_mixer.mixing.master import CONSOLE_NAME as MASTERING
from ai_mixer.mixing.master import master
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix import mix, predict_song_preset
from ai_mixer.mixing.mix_console import MixConsole, console_of, default_console, named_console
from ai_mixer.mixing.mix_options import KnobValues, MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.model_settings import predicted_section
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.reference_songs import References, ReferenceSongs
from ai_mixer.mixing.track_archive import unpacked_archives
from ai_mixer.mixing.track_mix import TrackMixResult, default_mix_path, mix_tracks
from ai_mixer.mixing.windowed_prediction import predict_song
from ai_mixer.utils.unfinished import temporary_folder

AudioT = TypeVar("AudioT", NDArray[Any], Tensor)


class SettingsByModel(dict[str, KnobValues]):
    """Model → settings. Display names such as 'AST Regressor' are keys as well."""

    def __missing__(self, name: str) -> KnobValues:
        key = pretrained.normalise_name(name)
        if key == name or key not in self:
            raise KeyError(f"no model {name!r}: the models are {', '.join(self) or 'none'}")
        return self[key]


class AudioMixer:
    """Mix songs with the packaged models or any trained one.

    model: the default of all methods: a packaged name, a run's id or a folder; None for the
    packaged default. Models are loaded on first use and never downloaded.
    """

    def __init__(self, model: str | None = None) -> None:
        self.model = model

    @property
    def models(self) -> list[str]:
        """Names of the packaged models, the default first."""
        return pretrained.list_models()

    def predict_mixing_parameters(self, path: str | Path) -> SettingsByModel:
        """Predict settings with every packaged model: model → knob → value in its own unit.

        They equal those of `mix_file` without options: within the ranges of a mix without a
        reference, and shrunk towards neutral by the model's uncertainty.
        """
        song = AudioFile(path)
        pretrained.default_model()  # raises if no model is packaged
        return SettingsByModel(
            {
                name: predicted_section(model, song, 0.0, song.duration_s).settings
                for name, model in map(resolve_model, self.models)
            }
        )

    def console(self) -> MixConsole:
        """The console of the mixer's model; `classic` for the packaged default."""
        if self.model is None:
            return default_console()
        return console_of(resolve_model(self.model)[1])

    def apply_mixing_parameters(
        self, audio: AudioT, sample_rate: int, settings: Mapping[str, float]
    ) -> AudioT:
        """Process audio with the model's console and its limiter. Missing knobs are neutral.

        audio: [T], [C, T] or [B, C, T], NumPy array or tensor, full scale = 1. Returns the same
        type and shape. ValueError for an unknown knob or a value out of range.
        """
        samples = torch.as_tensor(np.asarray(audio) if not torch.is_tensor(audio) else audio)
        if samples.dim() > 1:
            songs = samples.float().reshape(-1, *samples.shape[-2:])
        else:
            songs = samples.float()[None, None]
        console = self.console().console
        knobs = console.knobs_from(dict(settings)).expand(len(songs), -1)
        reduced_console, knobs = console.without_neutral(knobs)
        with torch.no_grad():
            mix = reduced_console(songs, sample_rate, knobs).reshape(samples.shape)
        return mix if torch.is_tensor(audio) else mix.numpy().astype(_float_dtype(audio))

    def mix_with_model(
        self, path: str | Path, model: str | None = None, output: str | Path | None = None
    ) -> NDArray[np.float32]:
        """Mix a song and return the samples [C, T], float32.

        output: file to which the mix is also written, with settings and report.
        """
        with temporary_folder() as folder:
            file = Path(output) if output else folder / "mix.wav"
            self.mix_file(path, file, model=model, write_sidecars=output is not None)
            return torch.cat(list(AudioFile(file).blocks()), -1).numpy()

    def mix_file(
        self,
        path: str | Path,
        output: str | Path | ResultFiles | None = None,
        *,
        model: str | None = None,
        reference: References | None = None,
        preset: Preset | None = None,
        mix_options: MixOptions | None = None,
        target_lufs: float | str | None = None,
        ceiling_db: float | None = None,
        max_reduction_db: float | None = None,
        adaptive: bool = False,
        force: bool = False,
        write_sidecars: bool = True,
    ) -> MixResult:
        """Mix a song from file to file; write settings and report next to the result.

        output: by default `<song>_mixed` in the song's format; its settings and report are next to
        it, or have paths of their own in `ResultFiles`. reference: songs whose sound the mix
        approaches; no knob is moved, with a note, if less than a second of it can be measured.
        preset: settings to use instead of a model's. target_lufs: as `deliver` takes it; None keeps
        the loudness, "reference" takes that of the reference, as the aspect `level` does.
        ceiling_db: highest true peak, dBTP; None: −1, or an exact copy if nothing is asked and the
        model moves no knob. max_reduction_db: of the limiter, unless the preset says it; see
        `limiter_budget`. adaptive: predict settings for each section. force: overwrite existing
        files. write_sidecars: write settings and report. ValueError or OSError (one line).
        """
        return mix(
            Path(path),
            Path(output) if isinstance(output, str) else output,
            model=model or self.model,
            reference=reference,
            preset=preset,
            mix_options=mix_options,
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            max_reduction_db=max_reduction_db,
            adaptive=adaptive,
            force=force,
            write_sidecars=write_sidecars,
        )

    def mix_tracks(
        self,
        paths: Iterable[str | Path],
        output: str | Path | ResultFiles | None = None,
        **options: Any,
    ) -> TrackMixResult:
        """Mix the tracks of one song; the mixer's model must be one of tracks.

        paths: files, or a folder or zip file with the tracks. options: roles, leads, pans, muted,
        reference, target_lufs …, see `track_mix.mix_tracks`.
        """
        given = [Path(path) for path in paths]
        output = default_mix_path(given) if output is None else output
        with unpacked_archives(given) as files:
            return mix_tracks(files, output, model=self.model, **options)

    def master(
        self,
        path: str | Path,
        output: str | Path | ResultFiles | None = None,
        *,
        reference: References | None = None,
        mix_options: MixOptions | None = None,
        target_lufs: float | str | None = None,
        ceiling_db: float = -1.0,
        intensity: str | None = None,
        max_reduction_db: float | None = None,
        delivery_set: bool = False,
        force: bool = False,
    ) -> MixResult:
        """Master a song with the mastering console: see `master.master`.

        The mixer's model, if there is one, predicts the settings; it needs that console.
        """
        settings_of = None
        if self.model is not None:
            predictor = resolve_model(self.model)[1]

            def settings_of(song: AudioFile, other: AudioFile | None) -> KnobValues:
                applied = predict_song(predictor, song, other).applied
                return predictor.console.settings(applied.knobs)[0]

        return master(
            Path(path),
            Path(output) if isinstance(output, str) else output,
            reference=reference,
            predict=settings_of,
            console=self.mastering_console(),
            model=self.model,
            mix_options=mix_options,
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            intensity=intensity,
            max_reduction_db=max_reduction_db,
            delivery_set=delivery_set,
            force=force,
        )

    def mastering_console(self) -> MixConsole:
        """The console of `master`. ValueError if the mixer's model has another one."""
        console = named_console(MASTERING)
        if self.model is None:
            return console
        own = self.console()
        if own.knobs.keys() != console.knobs.keys():
            raise ValueError(
                f"--model {self.model}: not trained with console={MASTERING}: choose another "
                "model, or none"
            )
        return own

    def predict_preset(
        self,
        song: AudioFile,
        before: Measurements,
        model: str | None,
        references: ReferenceSongs | None,
        mix_options: MixOptions,
        adaptive: bool,
    ) -> Preset:
        """Predict the settings of a song: see `model_settings.predict_preset`."""
        return predict_song_preset(
            song, before, model or self.model, references, mix_options, adaptive
        )

    def mix_song_with_all_models(self, path: str | Path, folder: str | Path | None = None) -> Path:
        """Mix a song with every packaged model, with a plot and a table: see `compare`."""
        return compare(self.mix_file, Path(path), self.models, Path(folder) if folder else None)


def _float_dtype(audio: Any) -> np.dtype:
    """The dtype of an array if it is a float type, else float32."""
    dtype = np.asarray(audio).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float32)
