"""Names of loudness targets that are not numbers: none, and that of the reference."""

from collections.abc import Collection

KEEP_LOUDNESS = "none"
REFERENCE_LOUDNESS = "reference"
NAMED_TARGETS = (KEEP_LOUDNESS, REFERENCE_LOUDNESS)


def check_target(target: float | str | None, references: Collection[object]) -> None:
    """ValueError (one line) for the loudness of a reference that is not given."""
    if target == REFERENCE_LOUDNESS and not references:
        raise ValueError("--target reference: there is no --reference")
