"""Limits of the numbers of a mix, and loudness of services.

Imports nothing, so that the command line starts quickly.
"""

TARGET_LIMITS_LUFS = (-60.0, 0.0)
SAVED_TARGET_LIMITS_LUFS = (-200.0, 10.0)  # `match` saves the loudness of any finished version
SERVICE_TARGETS_LUFS = {  # published by the services; they may change
    **{"spotify": -14.0, "apple": -16.0, "youtube": -14.0},
    **{"tidal": -14.0, "amazon": -14.0, "deezer": -15.0},
}
CEILING_LIMITS_DB = (-60.0, 0.0)
REDUCTION_LIMITS_DB = (0.0, 12.0)  # of the limiter
EXPANSION_LIMITS_DB = (0.0, 6.0)
