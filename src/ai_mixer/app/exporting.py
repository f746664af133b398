"""Write a mix with the settings of the page to a file."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_mixer.app.archive import pack
from ai_mixer.app.jobs import Report
from ai_mixer.app.library import safe_name
from ai_mixer.app.schemas import AUDIBLE
from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.audio.extras import carry_extras
from ai_mixer.audio.formats import format_of
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_console import MixConsole, named_console
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import Preset, check_levels, save_preset, single_section_preset
from ai_mixer.plugin.daw_files import write_daw_song
from ai_mixer.plugin.daw_song import DawSong, audio_of
from ai_mixer.plugin.identity import load_plugin
from ai_mixer.utils.parallel import prefetch


def export(
    path: Path, folder: Path, title: str, arguments: Mapping[str, Any], report: Report
) -> dict[str, Any]:
    """Export a song; returns {"files": names, "measured": …, "notes": lines}.

    arguments: console, settings (missing knobs are neutral), format (a suffix), target (AUDIBLE,
    None for the loudness of the song, a name or LUFS), ceiling_db, about, daw (True for a zip file
    with presets and projects). ValueError or OSError.
    """
    preset = _preset(arguments)
    kind = "mix" if preset.console.entry == "classic" else "master"
    name = f"{safe_name(f'{title}.x')[:-2]} ({kind})"
    audio = folder / f"{name}.{arguments['format']}"
    settings, page = audio.with_suffix(".json"), audio.with_suffix(".html")
    files, notes, gain_db = [audio.name, settings.name], list[str](), 0.0
    answer: dict[str, Any] = {"files": files, "notes": notes}
    if arguments.get("target") == AUDIBLE:
        _render_audible(AudioFile(path), preset, audio)
        save_preset(preset, settings)
    else:
        result = AudioMixer().mix_file(path, ResultFiles(audio, settings, page), preset=preset)
        files.append(page.name)
        notes += result.notes
        answer["measured"] = result.after.to_dict()
        gain_db = result.delivered.gain_db if result.delivered else 0.0
    if arguments.get("daw"):
        report(0.9, "packing the DAW projects")
        files.append(_write_daw(path, audio, preset, gain_db).name)
    report(1.0, "written")
    return answer


def _write_daw(source: Path, mix: Path, preset: Preset, gain_db: float) -> Path:
    """Write presets, projects and the files that they play as a zip file beside the mix."""
    out = mix.with_name(f"{mix.stem} DAW.zip")
    with tempfile.TemporaryDirectory(dir=mix.parent) as work:
        folder = Path(work)
        (folder / "audio").mkdir()
        copies = [Path(shutil.copy(file, folder / "audio")) for file in (source, mix)]
        song = DawSong(
            mix.stem,
            load_plugin(str(preset.console.entry)),
            dict(preset.settings),
            gain_db,
            *(audio_of(file) for file in copies),
        )
        write_daw_song(song, folder)
        pack(folder, out)
    return out


def _preset(arguments: Mapping[str, Any]) -> Preset:
    console = named_console(arguments["console"])
    settings = {name: float(value) for name, value in arguments["settings"].items()}
    console.check(MixOptions(fixed_settings=settings))
    target = arguments.get("target")
    target = None if target == AUDIBLE else target
    ceiling_db = arguments.get("ceiling_db", -1.0)
    check_levels(target, ceiling_db)
    return single_section_preset(
        _complete(console, settings),
        console=console,
        target_lufs=target,
        ceiling_db=ceiling_db,
        about=arguments.get("about", ""),
    )


def _complete(console: MixConsole, settings: dict[str, float]) -> dict[str, float]:
    return {name: settings.get(name, knob.neutral) for name, knob in console.knobs.items()}


def _render_audible(song: AudioFile, preset: Preset, out: Path) -> None:
    """Write what the page plays: the console with its limiter, without delivery."""
    console = preset.console.console
    knobs = console.knobs_from([preset.settings])[0]
    blocks = console.render(prefetch(song.blocks()), song.sample_rate, knobs, limit=True)
    write_audio(
        out,
        (block for block in blocks if block.shape[-1]),
        song.sample_rate,
        song.channels,
        song.frames,
        source_subtype=song.subtype,
        tags=song.tags,
    )
    carry_extras(song.path, out, format_of(out).name)
