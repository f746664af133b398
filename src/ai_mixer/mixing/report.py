"""A page about one mix: what was done in plain words, figures and pictures before and after.

One file without anything from elsewhere, so that it opens anywhere and tells nobody.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from ai_mixer.mixing import console_cache, descriptions, plots
from ai_mixer.mixing.formatting import clock
from ai_mixer.mixing.mix_options import Values
from ai_mixer.mixing.mix_result import Outcome
from ai_mixer.mixing.preset import Section
from ai_mixer.utils.atomic_write import write_text

STILL = "as it was"
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left}
td.n{font-variant-numeric:tabular-nums}svg{width:100%;height:auto}.note{color:#a33}
.before{stroke:#999}.after{stroke:#c60}.b{color:#777}.a{color:#c60}audio{width:100%}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}.note{color:#f88}}
"""


def save(outcome: Outcome, path: Path) -> None:
    """Write the page."""
    write_text(path, page(outcome))


def page(outcome: Outcome) -> str:
    """The page as text."""
    title = f"{outcome.song.name} → {outcome.output.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(outcome.preset.about)}</p>" if outcome.preset.about else "",
        *(f"<p class=note>{escape(note)}</p>" for note in outcome.notes),
        "<h2>What was done</h2>",
        *_done(outcome),
        "<h2>Before and after</h2>",
        "<p><span class=b>grey: before</span>, <span class=a>orange: after</span></p>",
        _table(("", "before", "after"), descriptions.figures(outcome.before, outcome.after)),
        "<h2>Frequencies</h2>",
        plots.spectra(outcome.before, outcome.after),
        "<h2>Loudness over the song</h2>",
        plots.loudness(outcome.before, outcome.after),
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _done(outcome: Outcome) -> list[str]:
    """Knob by knob; where the settings follow the song, section by section."""
    sections = outcome.preset.sections
    parts = [_knobs(sections[0].settings) if len(sections) == 1 else _sections(sections)]
    if outcome.preset.expand_db:
        parts.append(f"<p>Loudest moments lifted by {outcome.preset.expand_db:.2f} dB.</p>")
    return parts


def _knobs(settings: Values) -> str:
    known = console_cache.knobs()
    rows = [
        (descriptions.NAMES.get(name, name), descriptions.move(name, value) or STILL)
        for name, value in settings.items()
        if name in known
    ]
    return _table(("knob", "turned"), rows)


def _sections(sections: Sequence[Section]) -> str:
    rows = [
        (clock(one.start_s), ", ".join(descriptions.moves(one.settings)) or STILL)
        for one in sections
    ]
    return _table(("from", "turned"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td class=n>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
