"""HTML page that plays a song with each knob low, neutral and high; one self-contained file."""

import base64
import io
import re
from html import escape
from importlib.resources import files
from pathlib import Path

import soundfile as sf
import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.core.knob import Knob
from ai_mixer.listening.flac import encode_flac
from ai_mixer.listening.labels import format_setting
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.descriptions import KNOB_LABELS
from ai_mixer.mixing.formatting import format_time
from ai_mixer.mixing.knob_demo import (
    KNOB_DEMOS,
    DemoVersion,
    KnobDemo,
    demo_console,
    knob_demos,
    render_versions,
)
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.paths import check_not_existing, check_outputs, check_songs
from ai_mixer.mixing.report import CSS
from ai_mixer.utils.atomic_write import exclusive_write, write_draft
from ai_mixer.utils.parallel import prefetch, single_threaded

EXCERPT_S, FADE_S = 8.0, 0.03
MANY_KNOBS = 12  # from here on, excerpts are shorter and lossy: 35 knobs would take 70 MB
SHORT_EXCERPT_S = 4.0
RATE, BITS = 44_100, 16  # supported by every browser
MP3_COMPRESSION = 0.3  # of 0–1: about 200 kbit/s
SONG = "song"
COUNTS = {10: "Ten"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
INTRODUCTION = (
    "Click a version to play it; another one continues at the same position. Click it again to "
    "stop. All versions are equally loud, so that you compare their sound and not their level. The "
    "settings are stronger than those of a typical mix."
)


def write_knob_demo(
    path: Path,
    output: Path,
    force: bool = False,
    title: str | None = None,
    console: str = console_cache.CONSOLE_NAME,
) -> None:
    """Write the page of a song to `output`: its loudest seconds with every knob's versions.

    title: name of the song, by default that of its file. console: its knobs are shown. ValueError
    or OSError (one line); an existing file is overwritten only with `force`.
    """
    if output.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(f"{output.name}: the page is HTML: name it {output.stem}.html")
    demos = knob_demos(console)
    knobs = {k.name: k for k in demo_console(console).knobs if k.name in demos}
    check_songs([path])
    check_outputs([output], [path])
    check_not_existing([output], force)
    song = AudioFile(path)
    with single_threaded(), exclusive_write(output, force) as draft:
        measurements = measure(prefetch(song.blocks()), song.sample_rate)
        if measurements.silent:
            raise ValueError(f"{path}: the song is silent")
        excerpt_s = SHORT_EXCERPT_S if len(knobs) >= MANY_KNOBS else EXCERPT_S
        start_s = measurements.loudest_start_s(excerpt_s)
        versions = render_versions(_excerpt(song, start_s, excerpt_s), RATE, console)
        rows = [(demos[name], knob, versions[name]) for name, knob in knobs.items()]
        write_draft(draft, _page(title or path.name, start_s, rows))


def _excerpt(song: AudioFile, start_s: float, excerpt_s: float) -> Tensor:
    """[C, T], faded at both ends, so that it loops without a click."""
    length_s = min(excerpt_s, song.duration_s)
    first = round(min(start_s, song.duration_s - length_s) * RATE)
    audio = read_resampled(song.read_samples, song.sample_rate, first, round(length_s * RATE), RATE)
    fade = (torch.arange(audio.shape[-1]) / (FADE_S * RATE)).clamp_max(1.0)
    return audio * fade * fade.flip(0)


def _page(title: str, start_s: float, demos: list[tuple[KnobDemo, Knob, list[DemoVersion]]]) -> str:
    sounds: dict[str, Tensor] = {}
    rows = [_row(*demo, sounds) for demo in demos]
    heading = f"{COUNTS.get(len(rows), len(rows))} knobs: {escape(title)}"
    kind, encode = ("flac", _flac) if len(rows) < MANY_KNOBS else ("mpeg", _mp3)
    audio = (
        f'<script type="audio/{kind}" id="{name}">{encode(samples)}</script>'
        for name, samples in sounds.items()
    )
    excerpt = f"The loudest seconds, from {format_time(start_s)}. " if start_s >= 1 else ""
    if encode is _mp3:
        excerpt += "The sound is MP3 at about 200 kbit/s, to keep the page small. "
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">'
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{heading}</title>"
        f"<style>{CSS}{_read('knob_demo.css')}</style><body>"
        f"<h1>{heading}</h1><p>{excerpt}{INTRODUCTION}</p>"
        "<noscript><p class=note>Playback needs JavaScript: please allow scripts.</p></noscript>"
        f"{''.join(rows)}{''.join(audio)}<script>{_read('knob_demo.js')}</script></body></html>\n"
    )


def _row(demo: KnobDemo, knob: Knob, versions: list[DemoVersion], sounds: dict[str, Tensor]) -> str:
    """HTML of one knob; adds audio that the page does not contain yet to `sounds`."""
    name = knob.name
    neutral = demo.values.index(knob.neutral)
    buttons = []
    for index, version in enumerate(versions):
        sound = SONG if version.neutral else f"{name}-{index}"
        sounds.setdefault(sound, version.audio)
        label = "unchanged" if version.neutral else _version_label(index, neutral, len(versions))
        buttons.append(
            f'<button type=button data-sound="{sound}" aria-pressed=false><b>{label}</b>'
            f"<small>{escape(format_setting(version.value, knob.unit))}</small></button>"
        )
    note = f"<p class=more>{escape(demo.note)}</p>" if demo.note else ""
    label = re.sub(r" \(.*", "", KNOB_LABELS[name]) if demo is KNOB_DEMOS.get(name) else ""
    heading = label or demo.description[:1].upper() + demo.description[1:]
    effect = f"<p>{escape(demo.description)}</p>" if label else ""
    return (
        f"<section><h2>{escape(heading)} <code>{name}</code></h2>{effect}"
        f"<div class=versions>{''.join(buttons)}</div>{note}</section>"
    )


def _version_label(index: int, neutral: int, count: int) -> str:
    """Label of one of two or three versions. neutral: index of the neutral one."""
    if index == neutral:
        return "neutral"
    if neutral == 0 and count == 3:
        return ("", "some", "much")[index]
    return "low" if index < neutral else "high"


def _flac(audio: Tensor) -> str:
    return base64.b64encode(encode_flac(audio.numpy(), RATE, BITS)[0]).decode()


def _mp3(audio: Tensor) -> str:
    blob = io.BytesIO()
    options = {"bitrate_mode": "VARIABLE", "compression_level": MP3_COMPRESSION}
    with sf.SoundFile(blob, "w", RATE, len(audio), format="MP3", **options) as file:
        file.write(audio.T.numpy())
    return base64.b64encode(blob.getvalue()).decode()


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
