"""Mix one song with several models: audio files, a plot and a table."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.inference import pretrained
from ai_mixer.listening.spectrogram import band_levels_db, frequency_ticks
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import (
    check_not_existing,
    check_outputs,
    check_songs,
    model_files,
    result_files,
)
from ai_mixer.mixing.plots import CHANGE_LIMIT_DB, FREQUENCY_TICKS_HZ
from ai_mixer.utils.atomic_write import atomic_write, exclusive_write, write_text
from ai_mixer.utils.log import logger
from ai_mixer.utils.memory import release_memory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PLOT_FILE, TABLE_FILE = "mixing_comparison.png", "settings.csv"
PLOTTED_S = 30.0  # from the middle of the song
RANGE_DB = 66.0
CEILING_DB = -1.0  # asked for: no version is a copy, which would be louder than the others


def compare(
    mix_file: Callable[..., MixResult],
    path: Path,
    models: list[str],
    folder: Path | None = None,
    *,
    mix_options: MixOptions | None = None,
    force: bool = False,
    progress: Callable[[list[str], str], Iterable[str]] | None = None,
) -> Path:
    """Mix `path` with each model. Return the folder, by default `<song>_compared` next to it.

    It holds `<song>_original.wav`, `<song>_<model>_mixed.wav` (all at the loudness of the song),
    their settings, `mixing_comparison.png` and `settings.csv`. mix_file: as `AudioMixer.mix_file`.
    progress: a progress bar, as `utils.progress.progress_bar`. FileExistsError if the folder
    exists, unless `force` is set.
    """
    if not models:
        pretrained.default_model()  # raises, as there is none
    folder = folder or path.with_name(f"{path.stem}_compared")
    check_not_existing([folder], force)
    check_songs([path])
    original, outputs = folder / f"{path.stem}_original.wav", _outputs(path, folder, models)
    written = [file for output in outputs for file in result_files(output).paths()]
    inputs = [path, *(file for model in models for file in model_files(model))]
    check_outputs([original, folder / PLOT_FILE, folder / TABLE_FILE, *written], inputs)
    song = AudioFile(path, mix_options is not None and mix_options.strict)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive_write(original, force) as temp_file:
        audio_format = (song.sample_rate, song.channels, song.frames, song.subtype, song.tags)
        write_audio(temp_file, song.blocks(), *audio_format)
    for text in song.missing:
        logger.warning(text)
    results: dict[str, MixResult] = {}
    shown = progress(models, "mixing") if progress else models
    for model, output in zip(shown, outputs, strict=True):
        results[model] = mix_file(
            path, output, model=model, mix_options=mix_options, ceiling_db=CEILING_DB, force=force
        )
    release_memory()
    write_text(folder / TABLE_FILE, settings_table(results))
    plot_comparison(original, results, folder / PLOT_FILE)
    return folder


def settings_table(results: dict[str, MixResult]) -> str:
    """Settings and measurements as CSV, one row per model.

    Columns `<knob>`: applied settings, empty for a console without that knob; `predicted_<knob>`:
    output of the model.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    rows = {
        model: {
            **result.preset.settings,
            **{f"predicted_{k}": v for k, v in _predicted(result).items()},
            **{k: v for k, v in result.after.to_dict().items() if k != "bands_db"},
        }
        for model, result in results.items()
    }
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    writer.writerow(["model", *columns])
    for model, row in rows.items():
        writer.writerow([model, *(row.get(column, "") for column in columns)])
    return text.getvalue()


def _predicted(result: MixResult) -> Mapping[str, float]:
    return result.preset.sections[0].predicted or {}


def plot_comparison(original: Path, results: dict[str, MixResult], output: Path) -> None:
    """Plot the changes of the spectrum, then spectrograms of all versions on one colour scale.

    The first plot shows small changes that are not visible in a spectrogram.
    """
    files = {"original": original, **{model: result.output for model, result in results.items()}}
    levels = {name: _levels(AudioFile(file)) for name, file in files.items()}
    release_memory()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(files) + 1
    figure = Figure(figsize=(10, 1 + 2.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    top = max(float(level.max()) for level, _ in levels.values())
    _plot_changes(figure.add_subplot(rows, 1, 1), results)
    for row, (name, (level, extent)) in enumerate(levels.items(), 2):
        axes = figure.add_subplot(rows, 1, row)
        image = axes.imshow(level, origin="lower", extent=extent, cmap="magma", aspect="auto")
        image.set_clim(top - RANGE_DB, top)
        axes.set_title(pretrained.display_name(name) if name != "original" else "Original")
        ticks = frequency_ticks(AudioFile(files[name]).sample_rate)
        axes.set_yticks([height for _, height in ticks], [text for text, _ in ticks])
        axes.set_ylabel("frequency")
        axes.set_xlabel("time, s")
    with atomic_write(output) as temp_file:
        figure.savefig(temp_file)


def _plot_changes(axes: "Axes", results: dict[str, MixResult]) -> None:
    """Third-octave levels of the mix relative to the song, dB, one line per model."""
    for model, result in results.items():
        levels = zip(result.after.spectrum_db, result.before.spectrum_db, strict=True)
        axes.plot(
            result.before.spectrum_hz,
            [after - before for after, before in levels],
            label=pretrained.display_name(_filename(model)),
        )
    axes.set_ylim(-CHANGE_LIMIT_DB, CHANGE_LIMIT_DB)  # so that a tenth of a dB looks small
    axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.set_title("Changes of the spectrum")
    axes.set_xscale("log")
    axes.set_xticks(*zip(*FREQUENCY_TICKS_HZ.items(), strict=True))
    axes.set_xlabel("frequency")
    axes.set_ylabel("change, dB")
    axes.grid(alpha=0.3)
    axes.legend(ncols=min(4, len(results)), fontsize="small", frameon=False)


def _levels(song: AudioFile) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    length = min(song.frames, round(PLOTTED_S * song.sample_rate))
    first = (song.frames - length) // 2
    audio = song.read_samples(first, length).numpy()
    start_s = first / song.sample_rate
    extent = (start_s, start_s + length / song.sample_rate, 0.0, 1.0)
    return band_levels_db(audio, song.sample_rate), extent


def _outputs(path: Path, folder: Path, models: list[str]) -> list[Path]:
    """Path of each model's mix; models of one name, such as two folders, are numbered."""
    names, outputs = [_filename(model) for model in models], []
    for index, name in enumerate(names):
        number = names[:index].count(name) + 1
        outputs.append(folder / f"{path.stem}_{name}{number if number > 1 else ''}_mixed.wav")
    return outputs


def _filename(model: str) -> str:
    return Path(model).name if Path(model).exists() else pretrained.normalise_name(model)
