"""Write a mix with the settings of the page to a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from ai_mixer.utils.parallel import prefetch


def export(
    path: Path, folder: Path, title: str, arguments: Mapping[str, Any], report: Report
) -> dict[str, Any]:
    """Export a song; returns {"files": names, "measured": …, "notes": lines}.

    arguments: console, settings (missing knobs are neutral), format (a suffix), target (AUDIBLE,
    None for the loudness of the song, a name or LUFS), ceiling_db, about. ValueError or OSError.
    """
    preset = _preset(arguments)
    kind = "mix" if preset.console.entry == "classic" else "master"
    name = f"{safe_name(f'{title}.x')[:-2]} ({kind})"
    audio = folder / f"{name}.{arguments['format']}"
    settings, page = audio.with_suffix(".json"), audio.with_suffix(".html")
    if arguments.get("target") == AUDIBLE:
        _render_audible(AudioFile(path), preset, audio)
        save_preset(preset, settings)
        report(1.0, "written")
        return {"files": [audio.name, settings.name], "notes": []}
    result = AudioMixer().mix_file(path, ResultFiles(audio, settings, page), preset=preset)
    report(1.0, "written")
    return {
        "files": [audio.name, settings.name, page.name],
        "notes": list(result.notes),
        "measured": result.after.to_dict(),
    }


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
