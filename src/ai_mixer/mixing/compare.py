"""One song by every model: files to listen to, a picture and a table."""

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.inference import pretrained
from ai_mixer.listening.spectrogram import band_levels_db, max_frequency_hz
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.plots import FREQUENCY_TICKS_HZ
from ai_mixer.utils.atomic_write import atomic_write, write_text
from ai_mixer.utils.memory import release_memory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PLOT_FILE, TABLE_FILE = "mixing_comparison.png", "settings.csv"
PLOTTED_S = 30.0  # of the song, from its middle
RANGE_DB = 66.0


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
    """Mix `path` with each model; returns the folder, by default `<song>_compared` beside it.

    It holds `<song>_original.wav`, `<song>_<model>_mixed.wav` (all as loud as the song), their
    settings, `mixing_comparison.png` and `settings.csv`. mix_file: as `AudioMixer.mix_file`.
    following: shows the progress, as `utils.progress.track`.
    FileExistsError if the folder exists.
    """
    if not models:
        pretrained.default_model()  # says that there is none
    folder = folder or path.with_name(f"{path.stem}_compared")
    if folder.exists() and not force:
        raise FileExistsError(17, "is there already: --force overwrites", str(folder))
    sound = AudioFile(path)
    folder.mkdir(parents=True, exist_ok=True)
    original = folder / f"{path.stem}_original.wav"
    with atomic_write(original) as draft:
        facts = (sound.sample_rate, sound.channels, sound.frames, sound.subtype, sound.tags)
        write_audio(draft, sound.blocks(), *facts)
    outcomes: dict[str, MixResult] = {}
    for model in progress(models, "mixing") if progress else models:
        name = _filename(model)
        taken = sum(_filename(other) == name for other in outcomes)  # two folders of one name
        output = folder / f"{path.stem}_{name}{taken + 1 if taken else ''}_mixed.wav"
        outcomes[model] = mix_file(path, output, model=model, mix_options=mix_options, force=force)
    release_memory()
    write_text(folder / TABLE_FILE, settings_table(outcomes))
    plot_comparison(original, outcomes, folder / PLOT_FILE)
    return folder


def settings_table(outcomes: dict[str, MixResult]) -> str:
    """The settings and figures of every model as CSV, a row each."""
    text = io.StringIO()
    writer = csv.writer(text)
    rows = {
        model: {
            **one.preset.settings,
            **{k: v for k, v in one.after.to_dict().items() if k != "bands_db"},
        }
        for model, one in outcomes.items()
    }
    columns = list(next(iter(rows.values()), {}))
    writer.writerow(["model", *columns])
    for model, row in rows.items():
        writer.writerow([model, *(row[column] for column in columns)])
    return text.getvalue()


def plot_comparison(original: Path, outcomes: dict[str, MixResult], target: Path) -> None:
    """Spectrograms of all versions, one below the other, on the same colours.

    Last, what each model changed: small moves, which no spectrogram shows.
    """
    files = {"original": original, **{model: one.output for model, one in outcomes.items()}}
    levels = {name: _levels(AudioFile(file)) for name, file in files.items()}
    release_memory()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(files) + 1
    figure = Figure(figsize=(10, 1 + 2.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    top = max(float(level.max()) for level, _ in levels.values())
    for place, (name, (level, extent)) in enumerate(levels.items(), 1):
        axes = figure.add_subplot(rows, 1, place)
        image = axes.imshow(level, origin="lower", extent=extent, cmap="magma", aspect="auto")
        image.set_clim(top - RANGE_DB, top)
        axes.set_title(pretrained.display_name(name) if name != "original" else "Original")
        axes.set_yticks([])
        axes.set_ylabel("low → high")
    axes.set_xlabel("seconds")
    _plot_changes(figure.add_subplot(rows, 1, rows), outcomes)
    with atomic_write(target) as draft:
        figure.savefig(draft)


def _plot_changes(axes: "Axes", outcomes: dict[str, MixResult]) -> None:
    """The mix over the song in third octaves, dB, a line for each model."""
    for model, one in outcomes.items():
        levels = zip(one.after.spectrum_db, one.before.spectrum_db, strict=True)
        axes.plot(
            one.before.spectrum_hz,
            [after - before for after, before in levels],
            label=pretrained.display_name(_filename(model)),
        )
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -1.0), max(high, 1.0))  # a tenth of a dB is to look like nothing
    axes.set_title("What the mixes changed")
    axes.set_xscale("log")
    axes.set_xticks(*zip(*FREQUENCY_TICKS_HZ.items(), strict=True))
    axes.set_ylabel("dB")
    axes.grid(alpha=0.3)
    axes.legend(ncols=min(4, len(outcomes)), fontsize="small", frameon=False)


def _levels(sound: AudioFile) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    length = min(sound.frames, round(PLOTTED_S * sound.sample_rate))
    first = (sound.frames - length) // 2
    audio = sound.read_samples(first, length).numpy()
    begin = first / sound.sample_rate
    extent = (begin, begin + length / sound.sample_rate, 0.0, max_frequency_hz(sound.sample_rate))
    return band_levels_db(audio, sound.sample_rate), extent


def _filename(model: str) -> str:
    return Path(model).name if Path(model).exists() else pretrained.normalise_name(model)
