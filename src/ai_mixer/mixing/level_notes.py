"""Notes on the level of a mix: silence, loudness that was not reached, peaks."""

from ai_mixer.mastering.delivery import MAX_REDUCTION_DB, turn_down_db
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.limiter_budget import LIMITER_BUDGET_DB
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import RenderResult

THE_SONG = "the song"
MIN_REPORTED_DB = 0.05  # a smaller excess over the ceiling is not visible in rounded numbers
MIN_QUIETER_LU = 0.1
MIN_OVER_BUDGET_DB = 0.1
LARGE_GAIN_DB = 40.0


def level_notes(
    before: Measurements, rendered: RenderResult, preset: Preset, limit: bool, as_loud_as: str
) -> list[str]:
    """Notes on the level of the result. as_loud_as: name of the song whose loudness it has.

    A target is named only if the user set one.
    """
    if before.silent:
        return ["the song is silent"]
    after, delivered, notes = rendered.measurements, rendered.delivered, []
    if preset.unchanged:
        over = after.true_peak_db > preset.ceiling_db
        peaks = (
            f"; peaks at {after.true_peak_db:.1f} dBTP, --ceiling -1 limits them" if over else ""
        )
        return [f"nothing stands out: the song is left as it is{peaks}"]
    if as_loud_as == THE_SONG and preset.target_lufs is None:
        notes += turned_down_notes(before, preset.ceiling_db, as_loud_as)
    quieter = delivered.target_lufs - delivered.loudness_lufs
    if not limit and quieter > MIN_QUIETER_LU:
        notes.append(f"{quieter:.1f} LU quieter, so that no peak is limited")
    elif limit and not delivered.target_reached:
        notes.append(_not_reached(quieter, rendered, preset, as_loud_as))
    elif _is_over_budget(rendered, preset, as_loud_as):
        notes.append(
            f"the limiter reduces peaks by {delivered.reduction_db:.1f} dB, more than "
            f"{LIMITER_BUDGET_DB:g} dB, so that the result is as loud as {as_loud_as}: "
            f"--limiter {LIMITER_BUDGET_DB:g} keeps to that"
        )
    elif delivered.gain_db > LARGE_GAIN_DB:
        notes.append(f"amplified by {delivered.gain_db:.0f} dB, with all noise of the song")
    if after.true_peak_db > preset.ceiling_db + MIN_REPORTED_DB:
        notes.append(
            with_minus(
                f"peaks at {after.true_peak_db:.1f} dBTP, over the ceiling of "
                f"{preset.ceiling_db:.1f}, because of the encoder: set a lower --ceiling"
            )
        )
    return notes


def turned_down_notes(song: Measurements, ceiling_db: float, name: str) -> list[str]:
    """A note if the loudness of a song is too high to be kept under the ceiling."""
    turned_down_db = -turn_down_db(song.true_peak_db, ceiling_db)
    if not turned_down_db:
        return []
    return [
        f"peaks of {name} are {song.true_peak_db:.1f} dB over full scale: turned down by "
        f"{turned_down_db:.1f} dB"
    ]


def _not_reached(quieter: float, rendered: RenderResult, preset: Preset, as_loud_as: str) -> str:
    budget_db = preset.max_reduction_db
    is_of_song = preset.target_lufs is None or as_loud_as != THE_SONG
    if is_of_song and budget_db < MAX_REDUCTION_DB:
        ceiling = with_minus(f"{preset.ceiling_db:g} dBTP")
        return (
            f"{quieter:.1f} LU quieter than {as_loud_as}: under the ceiling of {ceiling}, its "
            f"loudness needs more than the limiter's reduction of at most {budget_db:g} dB; "
            f"--limiter {MAX_REDUCTION_DB:g} allows more"
        )
    if is_of_song:
        return f"{quieter:.1f} LU quieter than {as_loud_as}: louder, the limiter would distort it"
    target, reached = (
        with_minus(f"{lufs:.1f} LUFS")
        for lufs in (rendered.delivered.target_lufs, rendered.measurements.loudness_lufs)
    )
    if budget_db < MAX_REDUCTION_DB:
        return (
            f"target {target} not reached: {reached} with {budget_db:g} dB of limiting, "
            "--limiter allows more"
        )
    return f"target {target} not reached: above {reached} the limiter would distort the peaks"


def _is_over_budget(rendered: RenderResult, preset: Preset, as_loud_as: str) -> bool:
    """Whether the limiter keeps a loudness by more reduction than a user has asked for."""
    over_db = rendered.delivered.reduction_db - LIMITER_BUDGET_DB
    is_asked = preset.max_reduction_db < MAX_REDUCTION_DB
    is_of_song = preset.target_lufs is None or as_loud_as != THE_SONG
    return is_of_song and not is_asked and over_db > MIN_OVER_BUDGET_DB
