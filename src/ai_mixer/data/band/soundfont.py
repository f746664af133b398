"""Reader of SoundFont 2 files: samples and synthesis parameters of each key of an instrument.

Source: "SoundFont Technical Specification", version 2.04, sections 5 (file), 7 (records) and 8
(generators). Supported: samples, key and velocity ranges, tuning, loops, volume envelope, filter,
pan. Not supported: modulators and LFOs; the modulation envelope is replaced by its peak.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VARIABLE = "AI_MIXER_SOUND_FONT"
DEFAULT_FONT = "TimGM6mb.sf2"
DRUM_BANK = 128
INSTRUMENT, SAMPLE = 41, 53
KEY_RANGE, VELOCITY_RANGE = 43, 44
ATTENUATION_SCALE = 0.4  # common fonts are made for EMU hardware, which applies 40 %
DEFAULTS = {8: 13500, 33: -12000, 34: -12000, 35: -12000, 36: -12000, 38: -12000, 56: 100, 58: -1}
# Generators that presets may not modify (section 8.5).
ABSOLUTE = frozenset({0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58})

_RECORDS = {
    "phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("_", "V12")],
    "pbag": [("gen", "<u2"), ("mod", "<u2")],
    "pgen": [("oper", "<u2"), ("amount", "<i2")],
    "inst": [("name", "S20"), ("bag", "<u2")],
    "ibag": [("gen", "<u2"), ("mod", "<u2")],
    "igen": [("oper", "<u2"), ("amount", "<i2")],
    "shdr": [
        ("name", "S20"),
        *((field, "<u4") for field in ("start", "end", "loop_start", "loop_end", "rate")),
        ("key", "u1"),
        ("cents", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ],
}


@dataclass(frozen=True)
class Zone:
    """One sample of one key, with its synthesis parameters.

    start, end, loop_start, loop_end: indices into the font's samples. step: font samples per second
    of output. sustain_db: attenuation, ≥ 0. pan: −1 (left) to 1 (right).
    """

    start: int
    end: int
    loop_start: int
    loop_end: int
    loops: bool
    loops_after_release: bool
    step: float
    gain: float
    pan: float
    attack_s: float
    hold_s: float
    decay_s: float
    sustain_db: float
    release_s: float
    cutoff_hz: float
    choke: int


class SoundFont:
    """A SoundFont 2 file in memory. ValueError if the file is something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        chunks = dict(_chunks(path.read_bytes(), path))
        missing = {"smpl", *_RECORDS} - chunks.keys()
        if missing:
            raise ValueError(f"{path}: damaged: no chunk {', '.join(sorted(missing))}")
        self.samples: NDArray[np.float32] = (
            np.frombuffer(chunks["smpl"], "<i2").astype(np.float32) / 32768.0
        )
        self._tables = {
            name: np.frombuffer(chunks[name], np.dtype(record)) for name, record in _RECORDS.items()
        }
        presets = self._tables["phdr"]
        self._presets = {(int(p["bank"]), int(p["program"])): i for i, p in enumerate(presets[:-1])}
        self.zones = lru_cache(maxsize=None)(self._zones)

    @cached_property
    def digest(self) -> str:
        """Of samples and tables; of the samples alone for the default font, as always."""
        digest = hashlib.sha256(self.samples.tobytes())
        if self.path.name != DEFAULT_FONT:
            for table in self._tables.values():
                digest.update(table.tobytes())
        return digest.hexdigest()

    def _zones(self, bank: int, program: int, key: int, velocity: int) -> tuple[Zone, ...]:
        """Zones of a key at a velocity. ValueError if the font has no such instrument."""
        index = self._presets.get((bank, program))
        if index is None:
            raise ValueError(
                f"{self.path}: no instrument in bank {bank}, program {program}: "
                "use a General MIDI font"
            )
        zones = []
        for preset in self._split("pbag", "pgen", "phdr", index, INSTRUMENT):
            if not _in_zone_range(preset, key, velocity):
                continue
            for inst in self._split("ibag", "igen", "inst", preset[INSTRUMENT], SAMPLE):
                if _in_zone_range(inst, key, velocity):
                    zones.append(self._zone(_add_offsets(inst, preset), key))
        return tuple(zones)

    def _split(
        self, bags: str, gens: str, heads: str, index: int, link: int
    ) -> list[dict[int, int]]:
        """Generators of each zone, merged with those of the global zone, which has no link."""
        header, bag_table, gen_table = (self._tables[name] for name in (heads, bags, gens))
        global_zone: dict[int, int] = {}
        zones = []
        for bag in range(header[index]["bag"], header[index + 1]["bag"]):
            records = gen_table[bag_table[bag]["gen"] : bag_table[bag + 1]["gen"]]
            zone = dict(zip(records["oper"].tolist(), records["amount"].tolist(), strict=True))
            if link in zone:
                zones.append(global_zone | zone)
            elif not zones:
                global_zone = zone
        return zones

    def _zone(self, gen: dict[int, int], key: int) -> Zone:
        sample = self._tables["shdr"][gen[SAMPLE]]

        def get(oper: int) -> int:
            return gen.get(oper, DEFAULTS.get(oper, 0))

        root = get(58) if 0 <= get(58) <= 127 else int(sample["key"])
        cents = (key - root) * get(56) + get(51) * 100 + get(52) + int(sample["cents"])
        loop_mode = get(54) & 3
        return Zone(
            start=int(sample["start"]) + get(0) + 32768 * get(4),
            end=int(sample["end"]) + get(1) + 32768 * get(12),
            loop_start=int(sample["loop_start"]) + get(2) + 32768 * get(45),
            loop_end=int(sample["loop_end"]) + get(3) + 32768 * get(50),
            loops=loop_mode in (1, 3),
            loops_after_release=loop_mode == 1,
            step=float(sample["rate"]) * 2.0 ** (cents / 1200.0),
            gain=10.0 ** (-ATTENUATION_SCALE * max(0, get(48)) / 200.0),
            pan=min(1.0, max(-1.0, get(17) / 500.0)),
            attack_s=_seconds(get(33)) + _seconds(get(34)),
            hold_s=_seconds(get(35) + get(39) * (60 - key)),
            decay_s=_seconds(get(36) + get(40) * (60 - key)),
            sustain_db=min(100.0, max(0.0, get(37) / 10.0)),
            release_s=_seconds(get(38)),
            cutoff_hz=8.176 * 2.0 ** ((get(8) + max(0, get(11))) / 1200.0),
            choke=get(57),
        )


@cache
def general_midi() -> SoundFont:
    """The General MIDI font that the environment variable AI_MIXER_SOUND_FONT names.

    Without it, that in the package `pretty_midi` (TimGM6mb, 6 MB), by Tim Brechbill, licence GPL
    version 2. It is read from the installed `pretty_midi` and is not part of this package.
    ValueError if the file does not exist or is no SoundFont 2 file.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        if not Path(chosen).is_file():
            raise ValueError(f"{VARIABLE}={chosen}: no such file; unset it for the default font")
        return SoundFont(Path(chosen))
    with as_file(files("pretty_midi") / DEFAULT_FONT) as path:
        return SoundFont(path)


def _chunks(data: bytes, path: Path) -> list[tuple[str, bytes]]:
    """All leaf chunks of the RIFF file, including those in lists."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError(f"{path}: not a SoundFont 2 file, starts with {data[:12]!r}")
    chunks, position, end = [], 12, len(data)
    while position + 8 <= end:
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if name == b"LIST":
            position += 12
            continue
        chunks.append((name.decode("ascii"), data[position + 8 : position + 8 + size]))
        position += 8 + size + (size & 1)
    return chunks


def _in_zone_range(gen: dict[int, int], key: int, velocity: int) -> bool:
    return _inside(gen.get(KEY_RANGE), key) and _inside(gen.get(VELOCITY_RANGE), velocity)


def _inside(span: int | None, value: int) -> bool:
    return span is None or (span & 0xFF) <= value <= (span >> 8 & 0xFF)


def _add_offsets(inst: dict[int, int], preset: dict[int, int]) -> dict[int, int]:
    """Add preset generators, which are offsets to the instrument's (section 9.4)."""
    total = dict(inst)
    for oper, amount in preset.items():
        if oper not in ABSOLUTE and oper not in (INSTRUMENT, KEY_RANGE, VELOCITY_RANGE):
            total[oper] = total.get(oper, DEFAULTS.get(oper, 0)) + amount
    return total


def _seconds(timecents: int) -> float:
    return float(2.0 ** (timecents / 1200.0)) if timecents > -12000 else 0.0
