"""HTML report of one mix, for a client: what one hears, curves, a player, the settings.

One self-contained file: it loads nothing, so it opens anywhere and sends no requests. It prints on
one page and reads on a phone.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

from ai_mixer.core.knob import Knob
from ai_mixer.core.version import __version__
from ai_mixer.listening.labels import format_setting
from ai_mixer.mixing import descriptions, plain_words, plots
from ai_mixer.mixing.audible_settings import audible_settings
from ai_mixer.mixing.formatting import format_time, with_minus
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.preset import PresetSection
from ai_mixer.mixing.preview_audio import Preview

UNCHANGED = "unchanged"
WITH_SHAPE = ("_gain", "_ratio", "_drive")  # endings of knobs that others shape
SHAPE_WORDS = {
    **{"_q": "Q", "_threshold": "from", "_attack": "attack", "_release": "release"},
    **{"_knee": "knee", "_even": "even harmonics"},
}
MAX_ROWS = 12  # with more knobs than this, unchanged ones share one row
STAGES_NOTE = (
    "Predicted: output of the model. Applied: what the mix is rendered with, moved towards neutral "
    "where the model is uncertain, refined if there is a reference, and within the ranges and "
    "options of this mix."
)
EQUALISER_NOTE = (
    "A matching equaliser of mid and side does what the knobs leave of the way to the reference: "
)
CSS = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;padding:0 1rem;
color:#222;background:#fff}h1{font-size:1.4rem;margin-bottom:.3rem;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem}.lead{font-size:1.15rem}
table{border-collapse:collapse}td,th{padding:.15rem .9rem .15rem 0;text-align:left;
vertical-align:top}td.n{font-variant-numeric:tabular-nums}.wide{overflow-x:auto}
svg{width:100%;height:auto;display:block}.note{color:#a33}
.before{stroke:#777}.after{stroke:#c50}.change{stroke:#c50}.limiter{fill:#36c}
.b{color:#666}.a{color:#c50}.l{color:#36c}.foot{color:#666;font-size:.85rem;margin-top:1.6rem}
audio{width:100%;max-width:24rem}button{font:inherit;padding:.45rem 1rem;margin:.2rem .4rem .2rem 0;
border:1px solid #888;border-radius:.4rem;background:none;color:inherit}
button[aria-pressed=true]{background:#c50;color:#fff}
.columns{display:flex;flex-wrap:wrap;gap:0 2.5rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}.note{color:#f88}
.b,.foot{color:#aaa}.a{color:#f93}.l{color:#8af}.before{stroke:#aaa}.after,.change{stroke:#f93}}
@media(max-width:30rem){body{font-size:15px}td,th{padding-right:.5rem}svg text{font-size:20px}}
@page{size:A4;margin:11mm}
@media print{:root{color-scheme:light}body{font-size:9.5pt;line-height:1.3;margin:0;max-width:none;
color:#000;background:#fff}.player{display:none}h1{font-size:13pt}h2{margin:.5rem 0 .15rem;
font-size:10.5pt}.lead{font-size:11pt;margin:.3rem 0}svg{max-height:37mm}td,th{padding:0 .7rem 0 0}
p{margin:.25rem 0}.foot{margin-top:.5rem}.columns{flex-wrap:nowrap;gap:0 1.2rem}
.columns>div{flex:1 1 auto;min-width:0}.columns>div+div{flex:none}}
"""
PLAYER = """
(function(){const a=[...document.querySelectorAll('audio')],b=[...document.querySelectorAll(
'.player button')];let now=0;function show(){b.forEach((x,n)=>x.setAttribute('aria-pressed',n==now&&
!a[n].paused))}b.forEach((x,n)=>x.onclick=()=>{const t=a[now].currentTime,same=n==now;if(same&&
!a[n].paused){a[n].pause()}else{a[now].pause();a[n].currentTime=t%a[n].duration||0;now=n;a[n].play()
}show()});a.forEach(x=>x.onended=show)})()
"""


def to_html(result: MixResult, preview: Preview | None = None) -> str:
    """Return the report as HTML. preview: audio of a passage before and after."""
    title = f"{result.song.name} → {result.output.name}"
    before, after, preset = result.before, result.after, result.preset
    words = plain_words.sentences(before, after, result.reduction_db)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=lead>{escape(' '.join(words))}</p>",
        _unusual(preset.unusual),
        *(f"<p class=note>{escape(note)}</p>" for note in result.notes),
        _player(preview),
        "<h2>What changed over the spectrum</h2>",
        plots.change_svg(before, after),
        "<h2>Loudness over the song</h2>",
        "<p><span class=b>grey: before</span>, <span class=a>orange: after</span>, "
        "<span class=l>blue: gain reduction of the limiter</span></p>",
        plots.loudness_svg(before, after, _reduction_curve(result)),
        "<div class=columns><div>",
        "<h2>Settings</h2>",
        *_settings_html(result),
        "</div><div>",
        "<h2>Before and after</h2>",
        table(("", "before", "after"), descriptions.measurement_rows(before, after)),
        "</div></div>",
        _asked(result),
        f"<p class=foot>{escape(preset.about)}{' · ' if preset.about else ''}"
        f"{date.today().isoformat()} · ai_mixer {__version__}</p>",
        f"<script>{PLAYER}</script>" if preview else "",
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{CSS}</style><body>{''.join(parts)}</body></html>\n"
    )


def _unusual(sentences: Sequence[str]) -> str:
    return f"<p>What was wrong: {escape('; '.join(sentences))}.</p>" if sentences else ""


def _player(preview: Preview | None) -> str:
    if preview is None:
        return ""
    sounds = "".join(
        f'<audio preload=auto src="data:audio/mpeg;base64,{sound}"></audio>'
        for sound in (preview.before, preview.after)
    )
    return (
        "<div class=player><h2>Listen, equally loud</h2>"
        "<button type=button aria-pressed=false>Before</button>"
        "<button type=button aria-pressed=false>After</button>"
        f"<span class=b> from {format_time(preview.start_s)} on; press again to stop</span>"
        f"{sounds}</div>"
    )


def _asked(result: MixResult) -> str:
    peaks = f"at most {result.preset.ceiling_db:g} dBTP"
    rows = [
        *result.asked.items(),
        ("true peaks", "those of the song" if result.preset.unchanged else with_minus(peaks)),
    ]
    return f"<h2>What was asked</h2>{table(('', ''), rows)}"


def _reduction_curve(result: MixResult) -> Sequence[float]:
    return result.delivered.reduction_curve_db if result.delivered else ()


def _settings_html(result: MixResult) -> list[str]:
    """A table by knob; by section if the settings change over the song."""
    sections, console = result.preset.sections, result.preset.console
    if len(sections) == 1:
        audible = audible_settings(sections[0].settings, console, result.before)
        parts = [_knobs(sections[0], console.knobs, audible)]
    else:
        parts = [_sections(sections, console.knobs)]
    if sections[0].predicted is not None:
        parts.append(f"<p class=b>{STAGES_NOTE}</p>")
    if result.preset.expand_db:
        parts.append(f"<p>Loudest moments raised by {result.preset.expand_db:.2f} dB.</p>")
    equaliser = result.preset.equaliser
    if equaliser:
        gains = [*equaliser.mid_db, *equaliser.side_db]
        extent = with_minus(f"{min(gains):+.1f} to {max(gains):+.1f} dB")
        parts.append(f"<p>{EQUALISER_NOTE}{extent}.</p>")
    return parts


def _knobs(section: PresetSection, knobs: Mapping[str, Knob], audible: KnobValues) -> str:
    stages = _stages(section)
    stages[-1] = {name: audible.get(name, knobs[name].neutral) for name in section.settings}
    unchanged = (UNCHANGED,) * len(stages)
    rows = [
        (
            descriptions.setting_label(name, section.settings, knobs),
            *(_with_shape(name, knobs, values) for values in stages),
        )
        for name in section.settings
        if not name.endswith(descriptions.SHAPE_ENDINGS)
    ]
    if len(rows) > MAX_ROWS:
        changed = [row for row in rows if row[1:] != unchanged]
        rows = [*changed, (f"{len(rows) - len(changed)} others", *unchanged)]
    return table(("knob", *_heads(section)), rows)


def _with_shape(name: str, knobs: Mapping[str, Knob], values: KnobValues) -> str:
    """A setting with those that say how it works: Q of a bell, threshold of a compressor."""
    text = _describe(knobs[name], values[name])
    if text == UNCHANGED:
        return text
    shapes = []
    group = name.rpartition("_")[0]
    for ending in descriptions.SHAPE_ENDINGS:
        knob = knobs.get(f"{group}{ending}")
        if knob is not None and ending != "_frequency":
            setting = format_setting(values[knob.name], knob.unit).lstrip("+")
            shapes.append(f"{SHAPE_WORDS[ending]} {setting.removesuffix(' Q')}")
    return ", ".join([text, *shapes]) if name.endswith(WITH_SHAPE) else text


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
    head = "".join(f"<th>{escape(cell)}</th>" for cell in headings) if any(headings) else ""
    body = "".join(
        "<tr>" + "".join(f"<td class=n>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
