"""Config files of a further knob and of a console of one's own."""

from ai_mixer.config.folder import config_folder

SEVERAL_TRACKS = {"studio"}  # consoles for several tracks
SINGLE_CONSOLES = sorted(
    {file.stem for file in (config_folder() / "console").glob("*.yaml")} - SEVERAL_TRACKS
)

AIR = """\
  - name: air
    effect: {_target_: ai_mixer.effects.peak.Peak, frequency_hz: 12000, q: 0.5}
    knobs:
      gain_db: {name: air, unit: dB, scale: linear, neutral: 0}
"""
TWO_KNOBS = f"""\
# Air and level.
# make train console=mine
_target_: ai_mixer.console.Console
_convert_: all
ranges: ${{ranges}}
chain:
{AIR}\
  - name: level
    effect: {{_target_: ai_mixer.effects.gain.Gain}}
    knobs:
      gain: {{name: level, unit: ratio, scale: log, neutral: 1}}
limiter: {{_target_: ai_mixer.effects.limiter.Limiter}}
"""
RANGES = """\
# Ranges of my console.
# make train console=mine ranges=wide
air: [-3, 9]
level: [0.5, 2]
"""


def write_console(configs):
    """The two files of a console of one's own."""
    (configs / "console").mkdir(parents=True, exist_ok=True)
    (configs / "ranges" / "mine").mkdir(parents=True)
    (configs / "console" / "mine.yaml").write_text(TWO_KNOBS)
    (configs / "ranges" / "mine" / "wide.yaml").write_text(RANGES)


def add_knob(configs, entry=AIR, name="air"):
    """A further knob of the default console, in the middle of the chain."""
    page = configs / "console" / "classic.yaml"
    page.write_text(page.read_text().replace("  - name: mid_eq\n", entry + "  - name: mid_eq\n"))
    for file in (configs / "ranges" / "classic").glob("*.yaml"):
        file.write_text(file.read_text() + f"{name}: [-3, 3]\n")
