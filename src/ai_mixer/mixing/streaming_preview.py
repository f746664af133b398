"""What streaming services do to the level of a song: the gain that each would apply.

All measure integrated loudness of ITU-R BS.1770 and turn louder songs down to their target. Quieter
songs are turned up by some of them only, and no further than the true peak allows. The targets are
those that the services publish for a song that is played on its own; they may change.
"""

from typing import NamedTuple

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.limits import SERVICE_TARGETS_LUFS as TARGETS

PEAK_LIMIT_DB = -1.0  # dBTP, for songs that are turned up


class Service(NamedTuple):
    """Target of a service in LUFS, and whether it turns quiet songs up."""

    target_lufs: float
    turns_up: bool


class Playback(NamedTuple):
    """Gain that a service applies, and loudness and true peak after it."""

    gain_db: float
    loudness_lufs: float
    true_peak_db: float


SERVICES = {
    "Spotify": Service(TARGETS["spotify"], True),
    "Apple Music": Service(TARGETS["apple"], True),
    "YouTube": Service(TARGETS["youtube"], False),
    "Tidal": Service(TARGETS["tidal"], False),
    "Amazon Music": Service(TARGETS["amazon"], False),
    "Deezer": Service(TARGETS["deezer"], False),
}


def playback(service: Service, loudness_lufs: float, true_peak_db: float) -> Playback:
    """Return what a service does to a song of this loudness and true peak (dBTP).

    >>> playback(SERVICES["Spotify"], -9.0, 0.5)
    Playback(gain_db=-5.0, loudness_lufs=-14.0, true_peak_db=-4.5)
    >>> playback(SERVICES["Spotify"], -20.0, -3.0).gain_db
    2.0
    """
    gain_db = service.target_lufs - loudness_lufs
    if gain_db > 0:
        headroom_db = max(0.0, PEAK_LIMIT_DB - true_peak_db)
        gain_db = min(gain_db, headroom_db) if service.turns_up else 0.0
    if loudness_lufs <= SILENCE_DB:
        gain_db = 0.0
    return Playback(gain_db, loudness_lufs + gain_db, true_peak_db + gain_db)


def preview(loudness_lufs: float, true_peak_db: float) -> dict[str, dict[str, float]]:
    """Playback by every service, rounded, for JSON."""
    return {
        name: {
            key: round(value, 1)
            for key, value in playback(service, loudness_lufs, true_peak_db)._asdict().items()
        }
        for name, service in SERVICES.items()
    }


def describe_preview(services: dict[str, dict[str, float]]) -> list[str]:
    """One line for services that do the same to a song."""
    groups: dict[tuple[float, float, float], list[str]] = {}
    for name, values in services.items():
        key = values["gain_db"], values["loudness_lufs"], values["true_peak_db"]
        groups.setdefault(key, []).append(name)
    return [
        f"{', '.join(names)}: "
        + with_minus(f"{gain_db:+.1f} dB → {loudness:.1f} LUFS, peak {peak:.1f} dBTP")
        for (gain_db, loudness, peak), names in groups.items()
    ]
