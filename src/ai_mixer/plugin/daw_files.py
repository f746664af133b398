"""What `--daw` writes: presets of the plug-in and projects for DAWs, in a folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ai_mixer.mixing.mix_console import MixConsole, named_console
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import ResultFiles, check_not_existing
from ai_mixer.mixing.preset import Preset, load_preset, single_section_preset
from ai_mixer.plugin.daw_song import DawSong, daw_song, differences
from ai_mixer.plugin.dawproject import write_dawproject
from ai_mixer.plugin.identity import STRIP
from ai_mixer.plugin.presets import (
    CLAP_SUFFIX,
    LV2_SUFFIX,
    SUFFIXES,
    VST3_SUFFIX,
    read_preset,
    write_lv2_preset,
    write_vstpreset,
)
from ai_mixer.plugin.reaper import write_rpp
from ai_mixer.utils.atomic_write import write_bytes, write_text


def daw_folder(output: Path) -> Path:
    """Folder beside a result: `song_mixed.wav` → `song_mixed_daw`."""
    return output.with_name(f"{output.stem}_daw")


def check_daw(
    files: Sequence[ResultFiles], console: MixConsole, adaptive: bool, force: bool
) -> None:
    """Check, before any work, that `--daw` can be done. ValueError or OSError (one line)."""
    if not isinstance(console.entry, str):
        raise ValueError("--daw: there are plug-ins of packaged consoles only, not of this model's")
    if adaptive:
        raise ValueError("--daw: a plug-in has one setting for the whole song, without --adaptive")
    if any(result.settings is None for result in files):
        raise ValueError("--daw: standard output has no folder for projects, name a file with -o")
    check_not_existing([daw_folder(result.audio) for result in files], force)


def write_daw_files(result: MixResult) -> MixResult:
    """Write the presets and projects of a result, and add a note of them to it.

    The folder is replaced. ValueError (one line) if there is no plug-in for the result.
    """
    song, folder = daw_song(result), daw_folder(result.output)
    if folder.is_dir():
        shutil.rmtree(folder)
    write_daw_song(song, folder)
    missing = ", ".join(differences(result))
    without = f"; the mix also has {missing}" if missing else ""
    note = f"{song.plugin.name} and fader {song.gain_db:+.1f} dB in {folder.name}{without}"
    return result._replace(notes=[*result.notes, note])


def write_daw_song(song: DawSong, folder: Path) -> None:
    """Write the presets and projects of a song to a folder."""
    preset = folder / f"{song.name}{LV2_SUFFIX}"
    preset.mkdir(parents=True)
    write_bytes(folder / f"{song.name}{VST3_SUFFIX}", write_vstpreset(song.plugin, song.settings))
    write_bytes(folder / f"{song.name}{CLAP_SUFFIX}", song.state)
    for name, text in write_lv2_preset(song.plugin, song.settings, song.name).items():
        write_text(preset / name, text)
    write_bytes(folder / f"{song.name}.dawproject", write_dawproject(song.project))
    write_text(folder / f"{song.name}.rpp", write_rpp(song.project, folder))


def load_any_preset(path: Path) -> Preset:
    """Settings of an earlier mix (.json), or of a plug-in. FileNotFoundError or ValueError."""
    if path.suffix.lower() not in SUFFIXES:
        return load_preset(path)
    try:
        plugin, settings = read_preset(path)
    except OSError as error:
        raise FileNotFoundError(f"{path}: {error.strerror or error}") from error
    if plugin.console == STRIP:
        raise ValueError(
            f"{path} is of {plugin.name}, for one track: a song needs one of ai_mixer Classic or "
            "ai_mixer Mastering"
        )
    return single_section_preset(
        settings, console=named_console(plugin.console), about=f"{plugin.name}, {path.name}"
    )
