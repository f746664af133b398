"""HTML report of one mix: settings, measurements and plots before and after.

One self-contained file: it loads nothing, so it opens anywhere and sends no requests.
"""

from collections.abc import Mapping, Sequence
from html import escape

from ai_mixer.core.types import Knob
from ai_mixer.mixing import descriptions, plots
from ai_mixer.mixing.formatting import format_time
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.preset import PresetSection

UNCHANGED = "unchanged"
MAX_ROWS = 12  # with more knobs than this, unchanged ones share one row
STAGES_NOTE = (
    "Predicted: output of the model. Applied: what the mix is rendered with, moved towards neutral "
    "where the model is uncertain, refined if there is a reference, and within the ranges and "
    "options of this mix."
)
CSS = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left}
td.n{font-variant-numeric:tabular-nums}svg{width:100%;height:auto}.note{color:#a33}
.before{stroke:#999}.after{stroke:#c60}.b{color:#777}.a{color:#c60}audio{width:100%}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}.note{color:#f88}}
"""


def to_html(result: MixResult) -> str:
    """Return the report as HTML."""
    title = f"{result.song.name} → {result.output.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(result.preset.about)}</p>" if result.preset.about else "",
        *(f"<p class=note>{escape(note)}</p>" for note in result.notes),
        "<h2>Settings</h2>",
        *_settings_html(result),
        "<h2>Before and after</h2>",
        "<p><span class=b>grey: before</span>, <span class=a>orange: after</span></p>",
        table(("", "before", "after"), descriptions.measurement_rows(result.before, result.after)),
        "<h2>Frequencies</h2>",
        plots.spectra_svg(result.before, result.after),
        "<h2>Loudness over the song</h2>",
        plots.loudness_svg(result.before, result.after),
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{CSS}</style><body>{''.join(parts)}</body></html>\n"
    )


def _settings_html(result: MixResult) -> list[str]:
    """A table by knob; by section if the settings change over the song."""
    sections, knobs = result.preset.sections, result.preset.console.knobs
    one = len(sections) == 1
    parts = [_knobs(sections[0], knobs) if one else _sections(sections, knobs)]
    if sections[0].predicted is not None:
        parts.append(f"<p class=b>{STAGES_NOTE}</p>")
    if result.preset.expand_db:
        parts.append(f"<p>Loudest moments raised by {result.preset.expand_db:.2f} dB.</p>")
    return parts


def _knobs(section: PresetSection, knobs: Mapping[str, Knob]) -> str:
    unchanged = (UNCHANGED,) * len(_stages(section))
    rows = [
        (
            descriptions.setting_label(name, section.settings, knobs),
            *(_describe(knobs[name], values[name]) for values in _stages(section)),
        )
        for name in section.settings
    ]
    if len(rows) > MAX_ROWS:
        changed = [row for row in rows if row[1:] != unchanged]
        rows = [*changed, (f"{len(rows) - len(changed)} others", *unchanged)]
    return table(("knob", *_heads(section)), rows)


def _sections(sections: Sequence[PresetSection], knobs: Mapping[str, Knob]) -> str:
    rows = [
        (
            format_time(section.start_s),
            *(
                ", ".join(descriptions.describe_settings(values, knobs)) or UNCHANGED
                for values in _stages(section)
            ),
        )
        for section in sections
    ]
    return table(("from", *_heads(sections[0])), rows)


def _describe(knob: Knob, value: float) -> str:
    """Describe a setting, also a neutral one."""
    return descriptions.describe_knob(knob, value) or UNCHANGED


def _stages(section: PresetSection) -> list[KnobValues]:
    """Predicted and applied settings; the applied ones only if no model predicted any."""
    predicted = [] if section.predicted is None else [section.predicted]
    return [*predicted, section.settings]


def _heads(section: PresetSection) -> tuple[str, ...]:
    return ("setting",) if section.predicted is None else ("predicted", "applied")


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table as HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in headings)
    body = "".join(
        "<tr>" + "".join(f"<td class=n>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
