"""Identity of each plug-in: hosts find it in a song by these, so they never change."""

import functools
import importlib.metadata
import uuid
from typing import NamedTuple, cast

from ai_mixer.console import load_console
from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.load import require_single
from ai_mixer.plugin.labels import Label, labels

URL = "https://github.com/ai-mixer/ai_mixer"
VENDOR = "ai_mixer"
STRIP, BUSES = "strip", ("reverb", "delay")  # parts of the console studio
BYPASS = "bypass"
_VST3_CATEGORIES = {
    **{"mastering": "Fx|Mastering", "strip": "Fx|EQ|Dynamics"},
    **{"reverb": "Fx|Reverb", "delay": "Fx|Delay"},
}
_CLAP_FEATURES = {
    **{"mastering": ["mastering"], "strip": ["equalizer", "compressor"]},
    **{"reverb": ["reverb"], "delay": ["delay"]},
}


class Plugin(NamedTuple):
    """A console as a plug-in.

    console: its name, e.g. "classic". name: for people. id: of CLAP. uri: of LV2. uid: of VST3, 32
    hexadecimal digits.
    """

    console: str
    chain: EffectChain
    name: str
    id: str
    uri: str
    uid: str
    labels: list[Label]

    @property
    def version(self) -> str:
        """Version of this package."""
        return importlib.metadata.version("ai-mixer")

    @property
    def listens(self) -> bool:
        """Whether `ai-mixer listen` has settings for it: not for one track without the others."""
        return self.console not in (STRIP, *BUSES)

    @property
    def groups(self) -> list[str]:
        """Names of the groups of knobs, in their order."""
        return list(dict.fromkeys(label.group for label in self.labels if label.group))

    @property
    def vst3_categories(self) -> str:
        """Categories of VST3, with | between them."""
        return _VST3_CATEGORIES.get(self.console, "Fx|Mastering")

    @property
    def clap_features(self) -> list[str]:
        """Features of CLAP."""
        own = _CLAP_FEATURES.get(self.console, ["mixing"])
        return ["audio-effect", *own, "stereo", "mono"]


@functools.cache
def load_plugin(console: str) -> Plugin:
    """The plug-in of a console: `classic`, `mastering`, or one of your own; or of a part of
    `studio`: `strip`, `reverb`, `delay`.

    Its knobs have the wide ranges. ValueError for an unknown console or one of several tracks.
    """
    if console == STRIP:
        chain: EffectChain = load_console("studio").strip
    elif console in BUSES:
        chain = cast(EffectChain, load_console("studio").buses[console])
    else:
        chain = require_single(load_console(console), f"plugins: {console}")
    identifier = f"ai-mixer.{console}"
    return Plugin(
        console,
        chain,
        f"ai_mixer {console.replace('_', ' ').title()}",
        identifier,
        f"urn:ai-mixer:{console}",
        uuid.uuid5(uuid.NAMESPACE_URL, f"{URL}#{identifier}").hex.upper(),
        labels(chain),
    )


def parameter_id(name: str) -> int:
    """Number of a parameter in VST3 and CLAP: FNV-1a of its name, 31 bits, as in c/plugin.c."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value & 0x7FFFFFFF
