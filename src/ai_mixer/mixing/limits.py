"""Limits of the numbers of a mix. Imports nothing, so that the command line starts quickly."""

TARGET_LIMITS_LUFS = (-60.0, 0.0)
SAVED_TARGET_LIMITS_LUFS = (-200.0, 10.0)  # `match` saves the loudness of any finished version
CEILING_LIMITS_DB = (-60.0, 0.0)
REDUCTION_LIMITS_DB = (0.0, 12.0)  # of the limiter
EXPANSION_LIMITS_DB = (0.0, 6.0)
