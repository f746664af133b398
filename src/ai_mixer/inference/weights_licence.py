"""Licence of a model's weights, derived from the licences of the music it was trained on.

It is not settled whether weights are an adaptation of the music. They are treated as one: they get
the first licence of a chain into which the licence of every song may be adapted.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PUBLIC, ATTRIBUTION, SHARE_ALIKE, COPYLEFT = "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "GPL-3.0-only"
CHAIN = (PUBLIC, ATTRIBUTION, SHARE_ALIKE, COPYLEFT)
"""Each licence may be adapted into the next (creativecommons.org/share-your-work/licensing-
considerations/compatible-licenses); earlier versions of CC-BY-SA and GPL-2+ into these versions."""
_FORMS = {  # pattern in a recorded licence → licence of the chain
    r"\bgpl": COPYLEFT,
    r"\bby-sa\b|share-?alike": SHARE_ALIKE,
    r"\bby(?!-sa)\b|attribution(?!.*share)|\bmit\b|\bbsd\b|\bapache\b|\bartistic\b": ATTRIBUTION,
    r"\bcc-?0\b|public domain|publicdomain|\bpd\b": PUBLIC,
}
_RESTRICTED = r"\bnc\b|non-?commercial|\bnd\b|no-?deriv|research|academic|all rights reserved"
NOT_STATED = "not stated"


@dataclass(frozen=True)
class WeightsLicence:
    """identifier: SPDX, None if none can be derived. restricted, unknown: licences of songs that
    forbid one, or that are not recognised, with the number of recordings.
    """

    identifier: str | None
    restricted: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_share_alike(self) -> bool:
        """Whether the weights and what is derived from them must keep the licence."""
        return self.identifier in (SHARE_ALIKE, COPYLEFT)

    def describe(self) -> str:
        """Return one line: the licence and what it asks for, or why there is none."""
        if self.identifier is None:
            songs = {**self.restricted, **self.unknown}
            reasons = ", ".join(f"{text} ({count})" for text, count in songs.items())
            return f"not known: it cannot be derived from songs under {reasons or NOT_STATED}"
        asks = {
            PUBLIC: "no conditions",
            ATTRIBUTION: "credit the authors of the music",
            SHARE_ALIKE: "share-alike; credit the authors of the music",
            COPYLEFT: "share-alike; credit the authors of the music",
        }
        return f"{self.identifier} ({asks[self.identifier]})"


def derive_licence(recorded: Mapping[str, int]) -> WeightsLicence:
    """Derive the licence from that of each recording: text → number of recordings.

    >>> derive_licence({"CC-BY-SA-3.0": 3, "CC0": 1}).identifier
    'CC-BY-SA-4.0'
    >>> derive_licence({"CC0": 2, "not stated": 1}).describe()
    'not known: it cannot be derived from songs under not stated (1)'
    """
    restricted = {text: n for text, n in recorded.items() if re.search(_RESTRICTED, _plain(text))}
    known = {text: _one_of_chain(text) for text in recorded if text not in restricted}
    unknown = {text: recorded[text] for text, licence in known.items() if licence is None}
    if restricted or unknown or not recorded:
        return WeightsLicence(None, restricted, unknown)
    return WeightsLicence(_last(licence for licence in known.values() if licence is not None))


def recorded_licences(card: str) -> dict[str, int]:
    """Read the licences of the music in a card: `Licences: CC-BY-SA-3.0 (3), not stated (1).`"""
    line = re.search(r"^Licences: (.*)\.$", card, re.MULTILINE)
    pairs = re.findall(r"(.+?) \((\d+)\)(?:, |$)", line[1]) if line else []
    return {text: int(count) for text, count in pairs}


def _one_of_chain(text: str) -> str | None:
    """Licence of the chain that stands for a recorded one; None if it is not recognised.

    With `or` the user may choose, the first of the chain; one `per file` may be any of them, so the
    last.
    """
    found = [licence for form, licence in _FORMS.items() if re.search(form, _plain(text))]
    if not found:
        return None
    is_choice = re.search(r"\bor\b", _plain(text)) and "per file" not in text
    return min(found, key=CHAIN.index) if is_choice else _last(found)


def _last(licences: Iterable[str]) -> str:
    return max(licences, key=CHAIN.index)


def _plain(text: str) -> str:
    return text.lower().replace("_", "-").replace(" sharealike", "-share-alike")
