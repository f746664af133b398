"""Tables of the genres: tempo, form, harmony, grooves and instruments.

Grooves: one character per sixteenth (`X` accent, `x` stroke, `o` soft, `.` ghost, `-` rest); the
lines of a voice are alternatives. Progressions: four bars between `|`, one or two chords each.
Programs are General MIDI, from 0. Mixing conventions are in `conventions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Passage:
    """A kind of section. Players with a `min_energy` above its `energy` are silent."""

    energy: float
    progressions: tuple[str, ...]
    grooves: Mapping[str, tuple[str, ...]]
    lead: bool = True
    transpose_semitones: int = 0  # of the lead's centre


@dataclass(frozen=True)
class Player:
    """A player of the `other` stem: one of `programs`, in a style of `comping.STYLES`."""

    name: str
    style: str
    programs: tuple[int, ...]
    low: int
    high: int
    pan: float = 0.0
    gain_db: float = 0.0
    min_energy: float = 0.0
    probability: float = 1.0  # share of composers with this player


@dataclass(frozen=True)
class Lead:
    """Instrument and style of the melody. cells: onsets in a bar, in sixteenths."""

    programs: tuple[int, ...]
    low: int
    high: int
    cells: tuple[tuple[int, ...], ...]
    pitch_set: str  # "scale", "pentatonic" or "chord-scale"
    legato: float = 0.9
    vibrato_cents: float = 12.0
    leap_probability: float = 0.15
    improvise_probability: float = 0.0


@dataclass(frozen=True)
class Genre:
    """One genre.

    swing: range of the share of the first of two notes (0.5 = straight). swing_steps: length of the
    two notes in sixteenths. timing_ms: standard deviation of onsets. late_ms: constant delay by
    part or stem.
    """

    bpm: tuple[float, float]
    scales: Mapping[str, float]
    tonics: tuple[int, ...]
    forms: Mapping[int, str]
    passages: Mapping[str, Passage]
    kits: tuple[int, ...]
    bass_programs: tuple[int, ...]
    bass_styles: tuple[str, ...]
    bass_range: tuple[int, int]
    players: tuple[Player, ...]
    lead: Lead
    swing: tuple[float, float] = (0.5, 0.5)
    swing_steps: int = 2
    meters: tuple[int, ...] = (4,)
    timing_ms: float = 5.0
    late_ms: Mapping[str, float] = field(default_factory=dict)
    fill_probability: float = 0.8
    pumping: bool = False


_SONG_FORM = {
    1: "chorus",
    2: "verse chorus",
    3: "chorus verse chorus",
    4: "verse chorus verse chorus",
    5: "verse chorus verse bridge chorus",
}
_BACKBEAT = ("----X-------X---",)

ROCK = Genre(
    bpm=(106, 148),
    scales={"mixolydian": 2, "minor": 2, "major": 1},
    tonics=(4, 9, 2, 7, 11),
    forms=_SONG_FORM,
    passages={
        "intro": Passage(
            0.55,
            ("I|I|bVII|IV", "i|i|bVII|bVI"),
            {"hat": ("X-o-X-o-X-o-X-o-",), "kick": ("X-------X-------",), "snare": _BACKBEAT},
            lead=False,
        ),
        "verse": Passage(
            0.6,
            ("I|bVII|IV|I", "I|IV|I|V", "i|bVII|bVI|bVII", "i|iv|bVI|bVII"),
            {
                "kick": ("X-----x-X-x-----", "X--x----X-x-----", "X-x-----X-x---x-"),
                "snare": ("----X-------X---", "----X--.----X---", "----X-------X-.-"),
                "hat": ("X-o-X-o-X-o-X-o-", "x-x-x-x-x-x-x-x-"),
            },
        ),
        "chorus": Passage(
            1.0,
            ("I|V|bVII|IV", "I|IV|V|IV", "i|bVI|bIII|bVII", "bVI|bVII|i|i"),
            {
                "kick": ("X-x---x-X-x---x-", "X-----xxX-x-----", "X-x-x---X-x-x---"),
                "snare": ("----X-------X---", "----X-------X--x"),
                "ride": ("X-x-X-x-X-x-X-x-",),
                "open": ("", "X---X---X---X---"),
            },
            transpose_semitones=4,
        ),
        "bridge": Passage(
            0.7,
            ("IV|bVII|IV|V", "bVI|bVII|iv|bVII"),
            {
                "kick": ("X-------X-------",),
                "tom": ("--x---x---x-x-x-", "x-x-x-x-x-x-x-x-"),
                "snare": ("--------X-------",),
            },
        ),
    },
    kits=(0, 8, 16),
    bass_programs=(33, 34),
    bass_styles=("driving", "locked"),
    bass_range=(28, 48),
    players=(
        Player("guitar left", "power", (30, 29), 40, 62, pan=-0.8),
        Player("guitar right", "power", (29, 30), 40, 62, pan=0.8),
        Player("clean guitar", "arpeggio", (27, 25), 52, 76, 0.35, -4.0, probability=0.7),
        Player("organ", "pad", (18, 16), 52, 74, -0.2, -8.0, 0.9, 0.6),
    ),
    lead=Lead(
        (29, 85, 54, 65),
        57,
        81,
        ((0, 4, 6, 10), (0, 3, 6, 8, 12), (2, 4, 8, 10, 14), (0, 6, 8), (4, 6, 8, 12)),
        "pentatonic",
        vibrato_cents=25.0,
        leap_probability=0.2,
    ),
    timing_ms=7.0,
    late_ms={"snare": 4.0, "bass": 3.0},
)

POP = Genre(
    bpm=(92, 124),
    scales={"major": 3, "minor": 1},
    tonics=(0, 2, 5, 7, 9, 10),
    forms=_SONG_FORM,
    passages={
        "intro": Passage(
            0.35,
            ("I|V|vi|IV", "vi|IV|I|V", "i|bVI|bIII|bVII"),
            {"kick": ("X-------X-------",), "rim": ("----o-------o---",)},
            lead=False,
        ),
        "verse": Passage(
            0.5,
            ("I|V|vi|IV", "I|vi|IV|V", "vi|IV|I|V", "i|bVI|bIII|bVII", "i|iv|bVI|bVII"),
            {
                "kick": ("X-----x-X-------", "X--x--x---x-----"),
                "snare": _BACKBEAT,
                "hat": ("x-o-x-o-x-o-x-o-", "o.x.o.x.o.x.o.x."),
            },
        ),
        "chorus": Passage(
            0.95,
            ("IV|I|V|vi", "I|V|vi|IV", "IV|V|iii|vi", "bVI|bVII|i|bIII", "i|bVI|bIII|bVII"),
            {
                "kick": ("X-----x-X-x-----", "X---X---X---X---", "X--x--x-X-x-----"),
                "snare": _BACKBEAT,
                "clap": _BACKBEAT,
                "hat": ("x.o.x.o.x.o.x.o.", "X-o-X-o-X-o-X-o-"),
                "tambourine": ("--x---x---x---x-", "o.x.o.x.o.x.o.x."),
            },
            transpose_semitones=5,
        ),
        "bridge": Passage(
            0.55,
            ("ii|vi|IV|V", "iv|bVII|bIII|bVI"),
            {
                "kick": ("X---------x-----",),
                "rim": ("----x-------x---",),
                "shaker": ("o.o.o.o.o.o.o.o.",),
            },
        ),
    },
    kits=(0, 8),
    bass_programs=(33, 35, 39),
    bass_styles=("locked", "melodic"),
    bass_range=(28, 50),
    players=(
        Player("piano", "chords", (0, 4), 50, 76, -0.25, 0.0),
        Player("acoustic guitar", "strum", (25, 24), 48, 74, 0.6, -4.0, probability=0.8),
        Player("strings", "pad", (48, 50), 55, 81, 0.0, -6.0, 0.5),
        Player("bells", "arpeggio", (11, 88, 46), 67, 91, 0.45, -8.0, 0.9, 0.7),
    ),
    lead=Lead(
        (53, 85, 73, 54, 11),
        60,
        82,
        ((0, 3, 6, 8, 12), (2, 4, 6, 8, 11), (0, 4, 8, 10, 12), (0, 2, 4, 8, 12), (0, 6, 10)),
        "scale",
        vibrato_cents=16.0,
    ),
    timing_ms=5.0,
)

ELECTRONIC = Genre(
    bpm=(118, 134),
    scales={"minor": 4, "dorian": 1},
    tonics=(9, 4, 5, 7, 0),
    forms={
        1: "drop",
        2: "build drop",
        3: "drop break drop",
        4: "drop break build drop",
        5: "verse build drop break drop",
    },
    passages={
        "intro": Passage(
            0.5,
            ("i|i|bVI|bVII", "i|bVII|bVI|bVI"),
            {"kick": ("X---X---X---X---",), "hat": ("--x---x---x---x-",)},
            lead=False,
        ),
        "verse": Passage(
            0.6,
            ("i|bVI|bIII|bVII", "i|i|bVI|bVII"),
            {
                "kick": ("X---X---X---X---",),
                "clap": _BACKBEAT,
                "hat": ("o.x.o.x.o.x.o.x.", "--X---X---X---X-"),
            },
        ),
        "build": Passage(
            0.7,
            ("bVI|bVI|bVII|bVII", "iv|iv|v|v"),
            {
                "kick": ("X---X---X---X---",),
                "roll": ("X---X---X---X---",),
                "hat": ("..x...x...x...x.",),
            },
        ),
        "drop": Passage(
            1.0,
            ("i|bVI|bIII|bVII", "i|i|bVI|bVII", "bVI|bVII|i|i"),
            {
                "kick": ("X---X---X---X---",),
                "clap": _BACKBEAT,
                "open": ("--X---X---X---X-",),
                "hat": ("o.o.o.o.o.o.o.o.", "x.o.x.o.x.o.x.o."),
                "shaker": ("", ".o.o.o.o.o.o.o.o"),
            },
            transpose_semitones=5,
        ),
        "break": Passage(
            0.4,
            ("i|bVI|bIII|bVII", "bVI|bIII|bVII|i"),
            {"rim": ("---x--x---x--x--",), "shaker": ("o.o.o.o.o.o.o.o.",)},
        ),
    },
    kits=(24, 25),
    bass_programs=(38, 39, 87),
    bass_styles=("offbeat", "rolling"),
    bass_range=(28, 48),
    players=(
        Player("pad", "pad", (95, 90, 50), 52, 77, 0.0, -2.0),
        Player("arpeggio", "sequence", (81, 80, 90), 57, 84, 0.4, -3.0, 0.45),
        Player("stabs", "stabs", (62, 90, 81), 52, 76, -0.4, -2.0, 0.9, 0.8),
    ),
    lead=Lead(
        (80, 81, 85, 87),
        62,
        88,
        ((0, 3, 6, 9, 12), (0, 2, 6, 8, 11, 14), (0, 3, 6, 10, 12, 14), (0, 4, 7, 10)),
        "pentatonic",
        legato=0.7,
        vibrato_cents=4.0,
        leap_probability=0.3,
    ),
    timing_ms=1.0,
    fill_probability=0.5,
    pumping=True,
)

JAZZ = Genre(
    bpm=(112, 192),
    scales={"major": 3, "dorian": 1},
    tonics=(5, 10, 3, 0, 8),
    forms={1: "A", 2: "A A", 3: "A B A", 4: "A A B A", 5: "A A B A A"},
    passages={
        "intro": Passage(
            0.5,
            ("iim7|V7|Imaj7|vim7", "im7|IV7|im7|IV7"),
            {"ride": ("X---X-o-X---X-o-",), "pedal": ("----x-------x---",)},
            lead=False,
        ),
        "A": Passage(
            0.75,
            (
                "iim7|V7|Imaj7|vim7",
                "Imaj7 vim7|iim7 V7|iiim7 vim7|iim7 V7",
                "Imaj7|IVmaj7|iim7 V7|Imaj7",
                "im7|IV7|im7 IV7|im7",
            ),
            {
                "ride": ("X---X-o-X---X-o-", "X---X-o-X-o-X-o-", "X-o-X---X-o-X-o-"),
                "pedal": ("----x-------x---",),
                "kick": (".---.---.---.---", ".------.--.-----"),
                "snare": ("------.-------.-", "--.-------o-----", "---------.----o-"),
            },
        ),
        "B": Passage(
            0.85,
            ("IVmaj7|iim7 V7|iiim7|vim7 V7", "vim7|iim7|V7|V7", "im7|IV7|im7|v7"),
            {
                "ride": ("X-o-X-o-X-o-X-o-", "X---X-o-X---X-o-"),
                "pedal": ("----x-------x---",),
                "kick": (".---.---.---.---",),
                "snare": ("--o---.---.---o-", "------o-.-----.-"),
            },
            transpose_semitones=3,
        ),
    },
    kits=(32, 40),
    bass_programs=(32,),
    bass_styles=("walking",),
    bass_range=(28, 52),
    players=(
        Player("piano", "comp", (0,), 50, 74, -0.3, 0.0),
        Player("guitar", "comp", (26,), 50, 72, 0.5, -5.0, 0.8, 0.5),
        Player("vibes", "pad", (11, 17), 57, 79, 0.45, -8.0, 0.0, 0.5),
    ),
    lead=Lead(
        (65, 66, 56, 71, 11, 59),
        56,
        80,
        ((0, 4, 6, 10, 14), (2, 6, 8, 12, 14), (0, 2, 4, 6, 8), (4, 6, 8, 10, 12, 14), (0, 6)),
        "chord-scale",
        vibrato_cents=18.0,
        leap_probability=0.2,
        improvise_probability=0.7,
    ),
    swing=(0.6, 0.67),
    swing_steps=4,
    timing_ms=9.0,
    late_ms={"vocals": 18.0, "bass": -3.0},
    fill_probability=0.5,
)

CLASSICAL = Genre(
    bpm=(72, 116),
    scales={"major": 3, "minor": 2},
    tonics=(0, 2, 5, 7, 10, 3, 9),
    forms={1: "A", 2: "A A", 3: "A B A", 4: "A A B A", 5: "A A B B A"},
    passages={
        "intro": Passage(
            0.45,
            ("I|IV|I|V", "i|iv|i|V"),
            {"timpani": ("x-----------x---", "x---------------")},
            lead=False,
        ),
        "A": Passage(
            0.6,
            ("I|IV|V7|I", "I|vi|ii|V7", "I V|vi iii|IV I|IV V7", "i|iv|V7|i", "i|bVI|iv|V7"),
            {
                "timpani": ("x-------x-------", "x-----------o-o-", "x---------------"),
                "triangle": ("x---------------", ""),
            },
        ),
        "B": Passage(
            0.9,
            ("vi|ii|V7|I", "IV|I|ii|V7", "bIII|bVII|iv|V7", "iv|i|bVI|V7"),
            {
                "timpani": ("x---x---x---x-x-", "x-----x-x-----x-"),
                "cymbal": ("x---------------", ""),
            },
            transpose_semitones=5,
        ),
    },
    kits=(48,),
    bass_programs=(43, 42),
    bass_styles=("arco", "pizzicato"),
    bass_range=(30, 52),
    players=(
        Player("strings", "lines", (48, 49), 50, 76, -0.3, 0.0),
        Player("piano", "alberti", (0, 46), 55, 79, 0.2, -3.0, probability=0.8),
        Player("horns", "pad", (60, 70), 46, 65, 0.4, -6.0, 0.8),
        Player("violas", "counter", (41, 68), 52, 74, 0.5, -6.0, 0.5, 0.7),
    ),
    lead=Lead(
        (40, 73, 68, 71),
        64,
        88,
        ((0, 8, 12), (0, 4, 8, 12), (0, 6, 8, 12, 14), (0, 4, 6, 8, 10, 12), (0, 12)),
        "scale",
        legato=1.0,
        vibrato_cents=22.0,
        leap_probability=0.12,
    ),
    meters=(4, 4, 3),
    timing_ms=14.0,
    fill_probability=0.6,
)

HIP_HOP = Genre(
    bpm=(78, 98),
    scales={"minor": 4, "dorian": 2},
    tonics=(0, 2, 5, 7, 9, 10),
    forms=_SONG_FORM,
    passages={
        "intro": Passage(
            0.4,
            ("im7|im7|bVImaj7|vm7", "im9|ivm7|im9|ivm7"),
            {"hat": ("x-o-x-o-x-o-x-o-",), "kick": ("X---------------",)},
            lead=False,
        ),
        "verse": Passage(
            0.65,
            ("im7|bVImaj7|ivm7|vm7", "im9|im9|ivm7|vm7", "im7|bIIImaj7|ivm7|bVImaj7"),
            {
                "kick": ("X------x--X-----", "X--x------X--x--", "X-x-------Xx----"),
                "snare": ("----X-------X---", "----X--.----X--."),
                "hat": ("x-o-x-o-x-o-x-o-", "x-o-x.o-x-o-xooo", "x.o.x.o.x.o.x.o."),
            },
        ),
        "chorus": Passage(
            0.95,
            ("bVImaj7|vm7|im7|im7", "im9|bVImaj7|bIIImaj7|vm7", "ivm7|im7|bVImaj7|vm7"),
            {
                "kick": ("X--x---x--X-----", "X-----x---X--x--"),
                "snare": _BACKBEAT,
                "clap": _BACKBEAT,
                "hat": ("xoxoxoxoxoxxxoxo", "x-oox-o-x-oox.oo"),
                "open": ("------x---------", "--------------x-"),
            },
            transpose_semitones=3,
        ),
        "bridge": Passage(
            0.5,
            ("ivm7|vm7|im7|im7",),
            {"kick": ("X---------X-----",), "rim": ("----x-------x---",)},
        ),
    },
    kits=(25, 8, 0),
    bass_programs=(38, 39, 35),
    bass_styles=("sub", "locked"),
    bass_range=(26, 45),
    players=(
        Player("keys", "chops", (4, 5, 0), 50, 74, -0.2, 0.0),
        Player("strings", "pad", (48, 51, 91), 57, 79, 0.0, -7.0, 0.9),
        Player("plucks", "arpeggio", (24, 46, 45), 60, 84, 0.5, -5.0, 0.6, 0.8),
    ),
    lead=Lead(
        (54, 85, 79, 75, 11),
        57,
        79,
        ((0, 2, 3, 6, 8, 10), (0, 3, 4, 6, 10, 12), (2, 4, 6, 7, 10), (0, 3, 8, 11), (0, 6, 7, 10)),
        "pentatonic",
        legato=0.75,
        vibrato_cents=8.0,
    ),
    swing=(0.54, 0.62),
    timing_ms=6.0,
    late_ms={"snare": 12.0, "bass": 6.0, "vocals": 8.0},
    fill_probability=0.5,
)

GENRE_TABLE: Mapping[str, Genre] = {
    "rock": ROCK,
    "pop": POP,
    "electronic": ELECTRONIC,
    "jazz": JAZZ,
    "classical": CLASSICAL,
    "hip_hop": HIP_HOP,
}
