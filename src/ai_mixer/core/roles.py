"""Role of a track, from its file name or its General MIDI program."""

import re

# In order: the first pattern that occurs in a name decides. `bass drum` is no bass, `lead vocal` no
# lead, `synth bass` no pad. A pattern is a word or the beginning of one, in English and as the
# names of public multitrack collections abbreviate it.
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("drums", r"bass ?dr|kick|\bbd\b|\bkik|snar|\bsn\b|\bsd\b|hi ?hat|\bhats?\b|\bhh|\boh\b"),
    ("drums", r"overhead|cymb?\b|cymbal|\bride|crash|\btoms?\b|drum|\bperc|clap|shaker|tambou?r"),
    ("drums", r"conga|bongo|cowbell|\brim|cajon|timpani|\broom|\bkit\b|\bbeat|\bloop|maraca"),
    ("vocals", r"vox|voc|voice|\bsing|choir|\brap\b|\bb?vs?\b|ad ?lib|\bvx"),
    ("bass", r"\bbas\b|bass(?!oon)|\bsub\b|\b808\b|\btb ?303"),
    ("effects", r"\bfx|sfx|effect|noise|riser|sweep|impact|foley|scratch|whoosh"),
    ("pad", r"\bpads?\b|string|orchestra|drone|texture|ensemble|mellotron|viola|cello|ambien|atmo"),
    ("lead", r"lead|solo|melod|\barp|flute|\bsax|trump|trombone|violin|clarinet|oboe|whistle|horn"),
    ("lead", r"bassoon|brass|harmonica|pluck|bells?\b|glock|xylo|ocarina|recorder|theremin"),
    (
        "chords",
        r"chord|guit|gtr|\b[ea]g\b|acoustic|piano|\bkeys?\b|organ|rhodes|wurli|clavi|\bharp",
    ),
    ("chords", r"\bcomp\b|rhythm|banjo|ukulele|mandolin|vibe|vibraphone|marimba|accordion|\bstrum"),
    ("pad", r"synth"),
    ("other", r"\bother|\brest\b|backing|accomp|\bmisc"),
)

# (first program, role): programs in order until the next entry.
_PROGRAMS = (
    (0, "chords"), (8, "lead"), (16, "chords"), (32, "bass"), (40, "lead"), (44, "pad"),
    (47, "drums"), (48, "pad"), (53, "vocals"), (55, "effects"), (56, "lead"), (80, "lead"),
    (88, "pad"), (96, "effects"), (104, "chords"), (110, "lead"), (112, "drums"), (119, "effects"),
)  # fmt: skip
DRUM_CHANNEL = 9  # of General MIDI, counted from 0


def role_from_name(name: str) -> str | None:
    """Role that a file or track name says, None if it says none.

    >>> [role_from_name(n) for n in ("03_LeadVox.wav", "Kick In", "synth bass", "audio 7")]
    ['vocals', 'drums', 'bass', None]
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # LeadVox
    split = re.sub(r"(?<=[a-zA-Z])(?=\d)", " ", spaced)  # gtr2
    text = re.sub(r"[\W_]+", " ", split).lower()
    return next((role for role, pattern in _PATTERNS if re.search(pattern, text)), None)


def role_from_program(program: int, channel: int = 0) -> str:
    """Role of a General MIDI program, 0–127. ValueError outside it.

    >>> role_from_program(33), role_from_program(0), role_from_program(0, channel=9)
    ('bass', 'chords', 'drums')
    """
    if not 0 <= program <= 127:
        raise ValueError(f"program must be 0–127, got {program}")
    if channel == DRUM_CHANNEL:
        return "drums"
    return next(role for first, role in reversed(_PROGRAMS) if program >= first)
