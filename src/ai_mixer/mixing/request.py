"""What the user asked for, in words, for the report."""

from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.mix_options import MixOptions


def describe_request(
    options: MixOptions, target_lufs: float | str | None, **others: str | float | None
) -> dict[str, str]:
    """Label → text of each option that was given. others: label → value, with _ for spaces."""
    asked: dict[str, str] = {}
    if options.style:
        strength = f", intensity {100 * options.intensity:.0f} %" if options.intensity != 1 else ""
        asked["style"] = f"{options.style}{strength}"
    if target_lufs is not None:
        number = isinstance(target_lufs, int | float)
        asked["loudness"] = with_minus(f"{target_lufs:g} LUFS") if number else str(target_lufs)
    amounts = {"all": options.amount, **options.group_amounts}
    given = [f"{name} {100 * share:.0f} %" for name, share in amounts.items() if share is not None]
    if given:
        asked["amount"] = ", ".join(given).removeprefix("all ")
    if options.only_groups:
        asked["only"] = ", ".join(options.only_groups)
    if options.aspects:
        asked["matched"] = ", ".join(options.aspects)
    if options.fixed_settings:
        asked["set by hand"] = ", ".join(
            f"{name} {with_minus(f'{value:g}')}" for name, value in options.fixed_settings.items()
        )
    for name, value in others.items():
        if value is not None and value != "":
            asked[name.replace("_", " ")] = f"{value:g} dB" if isinstance(value, float) else value
    return asked
