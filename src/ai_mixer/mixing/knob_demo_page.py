"""A page to hear what the ten knobs do to a song, in one file that needs nothing else."""

import base64
import re
from html import escape
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.listening.flac import encode_flac
from ai_mixer.listening.labels import format_setting
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.descriptions import KNOB_LABELS
from ai_mixer.mixing.formatting import format_time
from ai_mixer.mixing.knob_demo import KNOB_DEMOS, DemoVersion, render_versions
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.render import check_not_existing
from ai_mixer.mixing.report import CSS
from ai_mixer.utils.atomic_write import write_text
from ai_mixer.utils.parallel import prefetch, single_threaded

EXCERPT_S, FADE_S = 8.0, 0.03
RATE, BITS = 44_100, 16  # what every browser plays
SONG = "song"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
INTRODUCTION = (
    "Press a version to hear it, and another one: it goes on at the same place. Press it again to "
    "stop. All are equally loud, so that you hear the sound of a knob and not its loudness. They "
    "are turned further than a mix turns them by itself."
)


def write_knob_demo(
    path: Path, output: Path, force: bool = False, title: str | None = None
) -> None:
    """Write the page of a song to `output`: its loudest seconds with each knob low and high.

    title: what the song is called, by default its file's name. ValueError or OSError in one line;
    nothing is overwritten without `force`.
    """
    if output.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(f"{output.name}: the page is HTML, call it {output.stem}.html")
    check_not_existing([output], force)
    sound = AudioFile(path)
    with single_threaded():
        measurements = measure(prefetch(sound.blocks()), sound.sample_rate)
        if measurements.silent:
            raise ValueError(f"{path}: is silent, there is nothing to hear")
        start_s = measurements.loudest_start_s(EXCERPT_S)
        made = render_versions(_excerpt(sound, start_s), RATE)
    write_text(output, _page(title or path.name, start_s, made))


def _excerpt(sound: AudioFile, start_s: float) -> Tensor:
    """[C, T], faded at both ends, so that it can be played again and again without a click."""
    length_s = min(EXCERPT_S, sound.duration_s)
    first = round(min(start_s, sound.duration_s - length_s) * RATE)
    audio = read_resampled(
        sound.read_samples, sound.sample_rate, first, round(length_s * RATE), RATE
    )
    fade = (torch.arange(audio.shape[-1]) / (FADE_S * RATE)).clamp_max(1.0)
    return audio * fade * fade.flip(0)


def _page(title: str, start_s: float, made: dict[str, list[DemoVersion]]) -> str:
    sounds: dict[str, Tensor] = {}
    rows = [_row(name, many, sounds) for name, many in made.items()]
    audio = (
        f'<script type="audio/flac" id="{name}">{_flac(sound)}</script>'
        for name, sound in sounds.items()
    )
    place = f"The loudest seconds, from {format_time(start_s)}. " if start_s >= 1 else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">'
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Ten knobs: {escape(title)}</title><style>{CSS}{_read('knobs.css')}</style><body>"
        f"<h1>Ten knobs: {escape(title)}</h1><p>{place}{INTRODUCTION}</p>"
        "<noscript><p class=note>The page plays with a script: please allow scripts.</p></noscript>"
        f"{''.join(rows)}{''.join(audio)}<script>{_read('knobs.js')}</script></body></html>\n"
    )


def _row(name: str, many: list[DemoVersion], sounds: dict[str, Tensor]) -> str:
    """A knob with its versions; `sounds` gets those that the page does not hold yet."""
    shown, unit = KNOB_DEMOS[name], console_cache.knobs_by_name()[name].unit
    neutral = shown.values.index(console_cache.knobs_by_name()[name].neutral)
    buttons = []
    for place, one in enumerate(many):
        sound = SONG if one.neutral else f"{name}-{place}"
        sounds.setdefault(sound, one.audio)
        word = "as it was" if one.neutral else _version_label(place, neutral)
        buttons.append(
            f'<button type=button data-sound="{sound}" aria-pressed=false><b>{word}</b>'
            f"<small>{escape(format_setting(one.value, unit))}</small></button>"
        )
    note = f"<p class=more>{escape(shown.note)}</p>" if shown.note else ""
    heading = re.sub(r" \(.*", "", KNOB_LABELS[name])
    return (
        f"<section><h2>{escape(heading)} <code>{name}</code></h2><p>{escape(shown.description)}</p>"
        f"<div class=versions>{''.join(buttons)}</div>{note}</section>"
    )


def _version_label(place: int, neutral: int) -> str:
    """What a version is called, by its place among three."""
    if place == neutral:
        return "neutral"
    return ("", "some", "much")[place] if neutral == 0 else ("low", "", "high")[place]


def _flac(audio: Tensor) -> str:
    return base64.b64encode(encode_flac(audio.numpy(), RATE, BITS)[0]).decode()


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
