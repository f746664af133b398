"""Mixing conventions of each genre: data for `mixdown.py`.

Levels are loudness relative to the lead in LU, sends relative to the dry channel in dB. Loudness
targets are those of commercial masters of the genre, not of streaming services.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Bell = tuple[float, float, float]
"""(frequency_hz, gain_db, q)."""


OFF_DB = -60.0


@dataclass(frozen=True)
class CompressorParams:
    """A compressor. depth_db: threshold below the channel's 95th percentile level."""

    depth_db: float
    ratio: float
    attack_ms: float
    release_ms: float


@dataclass(frozen=True)
class Strip:
    """Channel strip of one stem.

    duck_db: maximum gain reduction by the kick drum. doubler_db: level of a doubler, for mono
    sources.
    """

    level_lu: float
    high_pass_hz: float
    bells: tuple[Bell, ...] = ()
    compressor: CompressorParams = CompressorParams(6.0, 2.0, 15.0, 120.0)
    width: float = 1.0
    pan: float = 0.0
    reverb_db: float = -24.0
    delay_db: float = OFF_DB
    duck_db: float = 0.0
    doubler_db: float = OFF_DB


@dataclass(frozen=True)
class ReverbParams:
    """A reverb. high_decay: decay time above 5 kHz relative to `decay_s`."""

    decay_s: float
    predelay_ms: float
    high_decay: float = 0.5


@dataclass(frozen=True)
class DelayParams:
    """A ping-pong delay. beats: delay time in beats. fade_db: attenuation of each repeat."""

    beats: float
    fade_db: float
    high_cut_hz: float = 4500.0


@dataclass(frozen=True)
class MixConvention:
    """Mix of a genre: channel strips, two sends, bus processing and loudness of the master."""

    strips: Mapping[str, Strip]
    reverb: ReverbParams
    delay: DelayParams
    loudness_lufs: float
    low_db: float = 0.0
    high_db: float = 0.0
    bus_compressor: CompressorParams = field(default=CompressorParams(4.0, 2.0, 30.0, 200.0))
    drive: float = 0.0  # 0 clean … 1 strong saturation


ROCK = MixConvention(
    strips={
        "drums": Strip(
            0.5,
            32.0,
            ((70.0, 3.0, 1.2), (380.0, -3.5, 1.0), (4500.0, 3.0, 0.9), (9500.0, 2.0, 0.8)),
            CompressorParams(12.0, 4.0, 20.0, 90.0),
            reverb_db=-17.0,
        ),
        "bass": Strip(
            -4.0,
            38.0,
            ((85.0, 2.0, 1.0), (250.0, -2.0, 1.0), (1100.0, 3.0, 0.9)),
            CompressorParams(12.0, 4.0, 15.0, 120.0),
            width=0.0,
            reverb_db=-40.0,
        ),
        "vocals": Strip(
            0.0,
            120.0,
            ((300.0, -2.0, 1.0), (3200.0, 3.0, 0.9), (8000.0, 2.0, 0.7)),
            CompressorParams(10.0, 3.5, 8.0, 100.0),
            reverb_db=-15.0,
            delay_db=-16.0,
        ),
        "other": Strip(
            -0.5,
            95.0,
            ((250.0, -2.5, 0.9), (2500.0, 1.5, 0.8)),
            CompressorParams(5.0, 2.0, 25.0, 150.0),
            width=1.25,
            reverb_db=-20.0,
        ),
    },
    reverb=ReverbParams(1.2, 18.0, 0.45),
    delay=DelayParams(0.5, 9.0),
    loudness_lufs=-10.0,
    low_db=1.0,
    high_db=1.5,
    bus_compressor=CompressorParams(6.0, 2.5, 30.0, 150.0),
    drive=0.7,
)

POP = MixConvention(
    strips={
        "drums": Strip(
            -2.0,
            30.0,
            ((60.0, 2.5, 1.0), (350.0, -3.0, 1.0), (10000.0, 3.0, 0.7)),
            CompressorParams(9.0, 3.0, 15.0, 100.0),
            reverb_db=-20.0,
        ),
        "bass": Strip(
            -5.0,
            35.0,
            ((80.0, 2.0, 1.0), (300.0, -2.5, 0.9)),
            CompressorParams(12.0, 4.0, 12.0, 120.0),
            0.0,
            reverb_db=-45.0,
            duck_db=2.5,
        ),
        "vocals": Strip(
            1.5,
            110.0,
            ((280.0, -2.5, 1.0), (4000.0, 3.0, 0.8), (12000.0, 4.0, 0.6)),
            CompressorParams(12.0, 4.0, 5.0, 80.0),
            reverb_db=-13.0,
            delay_db=-14.0,
        ),
        "other": Strip(
            -4.0,
            130.0,
            ((400.0, -2.0, 0.8), (9000.0, 2.0, 0.7)),
            CompressorParams(6.0, 2.0, 15.0, 150.0),
            1.35,
            reverb_db=-15.0,
            delay_db=-26.0,
            doubler_db=-6.0,
        ),
    },
    reverb=ReverbParams(1.7, 30.0, 0.6),
    delay=DelayParams(0.75, 8.0),
    loudness_lufs=-11.0,
    high_db=2.0,
    drive=0.45,
)

ELECTRONIC = MixConvention(
    strips={
        "drums": Strip(
            2.0,
            25.0,
            ((55.0, 3.0, 1.1), (300.0, -3.0, 0.9), (8000.0, 2.0, 0.7)),
            CompressorParams(6.0, 3.0, 20.0, 70.0),
            reverb_db=-24.0,
        ),
        "bass": Strip(
            -2.0,
            28.0,
            ((70.0, 3.0, 0.9), (350.0, -2.0, 0.9)),
            CompressorParams(8.0, 4.0, 10.0, 90.0),
            0.0,
            reverb_db=-50.0,
            duck_db=8.0,
        ),
        "vocals": Strip(
            -2.0,
            180.0,
            ((2500.0, 2.0, 0.8), (10000.0, 2.0, 0.7)),
            CompressorParams(6.0, 3.0, 5.0, 80.0),
            1.1,
            reverb_db=-13.0,
            delay_db=-10.0,
            doubler_db=-8.0,
            duck_db=3.0,
        ),
        "other": Strip(
            -3.0,
            160.0,
            ((300.0, -2.5, 0.8), (7000.0, 2.0, 0.7)),
            CompressorParams(6.0, 2.0, 10.0, 120.0),
            1.5,
            reverb_db=-12.0,
            delay_db=-16.0,
            doubler_db=-3.0,
            duck_db=6.0,
        ),
    },
    reverb=ReverbParams(2.4, 25.0, 0.55),
    delay=DelayParams(0.75, 5.0, 6000.0),
    loudness_lufs=-9.5,
    low_db=2.0,
    high_db=1.0,
    bus_compressor=CompressorParams(5.0, 2.5, 20.0, 120.0),
    drive=0.6,
)

JAZZ = MixConvention(
    strips={
        "drums": Strip(
            -6.0,
            35.0,
            ((250.0, -1.0, 0.8), (9000.0, 1.5, 0.7)),
            CompressorParams(3.0, 1.5, 30.0, 200.0),
            1.1,
            reverb_db=-14.0,
        ),
        "bass": Strip(
            -4.0,
            38.0,
            ((110.0, 1.5, 0.8), (700.0, 1.5, 0.8)),
            CompressorParams(6.0, 2.0, 25.0, 200.0),
            0.3,
            pan=0.08,
            reverb_db=-24.0,
        ),
        "vocals": Strip(
            0.0,
            90.0,
            ((500.0, 1.0, 0.7), (3000.0, 1.0, 0.8)),
            CompressorParams(5.0, 2.0, 15.0, 200.0),
            pan=-0.12,
            reverb_db=-11.0,
        ),
        "other": Strip(
            -4.0,
            70.0,
            ((300.0, -1.0, 0.8),),
            CompressorParams(3.0, 1.5, 25.0, 200.0),
            1.1,
            reverb_db=-13.0,
        ),
    },
    reverb=ReverbParams(1.3, 14.0, 0.5),
    delay=DelayParams(1.0, 14.0),
    loudness_lufs=-16.0,
    low_db=0.5,
    high_db=-1.0,
    bus_compressor=CompressorParams(2.0, 1.5, 40.0, 300.0),
    drive=0.1,
)

CLASSICAL = MixConvention(
    strips={
        "drums": Strip(-9.0, 30.0, (), CompressorParams(0.0, 1.2, 40.0, 400.0), reverb_db=-7.0),
        "bass": Strip(
            -6.0,
            32.0,
            ((120.0, 1.0, 0.7),),
            CompressorParams(0.0, 1.2, 40.0, 400.0),
            0.7,
            pan=0.3,
            reverb_db=-9.0,
        ),
        "vocals": Strip(
            0.0,
            80.0,
            ((2500.0, 1.0, 0.7),),
            CompressorParams(2.0, 1.3, 30.0, 400.0),
            pan=-0.2,
            reverb_db=-6.0,
        ),
        "other": Strip(
            -2.0, 45.0, (), CompressorParams(0.0, 1.2, 40.0, 400.0), 1.3, reverb_db=-6.0
        ),
    },
    reverb=ReverbParams(2.3, 32.0, 0.4),
    delay=DelayParams(1.0, 30.0),
    loudness_lufs=-20.0,
    high_db=-0.5,
    bus_compressor=CompressorParams(0.0, 1.2, 60.0, 500.0),
)

HIP_HOP = MixConvention(
    strips={
        "drums": Strip(
            1.5,
            28.0,
            ((60.0, 2.5, 1.1), (300.0, -2.0, 0.9), (3500.0, 2.0, 0.8)),
            CompressorParams(10.0, 4.0, 12.0, 80.0),
            reverb_db=-26.0,
        ),
        "bass": Strip(
            -2.0,
            25.0,
            ((55.0, 3.0, 0.9), (250.0, -2.0, 0.8)),
            CompressorParams(8.0, 3.0, 15.0, 120.0),
            0.0,
            reverb_db=-50.0,
            duck_db=4.0,
        ),
        "vocals": Strip(
            1.5,
            130.0,
            ((300.0, -2.0, 0.9), (3500.0, 2.5, 0.8)),
            CompressorParams(10.0, 4.0, 5.0, 90.0),
            reverb_db=-19.0,
            delay_db=-15.0,
            doubler_db=-10.0,
        ),
        "other": Strip(
            -3.0,
            140.0,
            ((5000.0, -1.5, 0.5), (1200.0, 1.5, 0.7)),
            CompressorParams(8.0, 2.5, 15.0, 150.0),
            1.2,
            reverb_db=-19.0,
            duck_db=3.0,
            doubler_db=-4.0,
        ),
    },
    reverb=ReverbParams(0.9, 10.0, 0.4),
    delay=DelayParams(0.5, 8.0, 3000.0),
    loudness_lufs=-10.0,
    low_db=1.5,
    high_db=0.5,
    bus_compressor=CompressorParams(5.0, 2.5, 25.0, 120.0),
    drive=0.6,
)

CONVENTIONS: Mapping[str, MixConvention] = {
    "rock": ROCK,
    "pop": POP,
    "electronic": ELECTRONIC,
    "jazz": JAZZ,
    "classical": CLASSICAL,
    "hip_hop": HIP_HOP,
}
