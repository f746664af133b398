"""Two sentences about a mix, in words of musicians: tone and width; level and peaks."""

from collections.abc import Mapping, Sequence

from ai_mixer.mixing.measurements import Measurements

RANGES_HZ: Mapping[str, tuple[float, float]] = {
    "bass": (25.0, 180.0),
    "mids": (180.0, 2200.0),
    "presence": (2200.0, 6500.0),
    "treble": (6500.0, 20_000.0),
}
STEPS_DB = ((0.5, ""), (1.5, "a little "), (3.5, "clearly "))  # below: left alone, little, clear
STRONGEST = "much "
MIN_WIDTH_DB, MIN_LEVEL_LU, MIN_PEAK_DB, MIN_CREST_DB = 0.5, 0.3, 0.1, 0.7
FLOOR_DB = 60.0  # under the loudest band; quieter ones are not compared


def change_db(before: Measurements, after: Measurements) -> list[float | None]:
    """Change of each third of an octave at equal loudness, dB; None where there is nothing."""
    louder = after.loudness_lufs - before.loudness_lufs
    floor = max(before.spectrum_db) - FLOOR_DB
    pairs = zip(before.spectrum_db, after.spectrum_db, strict=False)
    return [b - a - louder if a > floor else None for a, b in pairs]


def sentences(before: Measurements, after: Measurements, reduction_db: float) -> list[str]:
    """What a listener hears, in two sentences."""
    if before.silent:
        return ["The song is silent.", "Nothing was changed."]
    return [_tone_sentence(before, after), _level_sentence(before, after, reduction_db)]


def _tone_sentence(before: Measurements, after: Measurements) -> str:
    changes, left = [], []
    curve = change_db(before, after)
    for name, (low, high) in RANGES_HZ.items():
        inside = [
            db
            for hz, db in zip(before.spectrum_hz, curve, strict=False)
            if low <= hz < high and db is not None
        ]
        mean_db = sum(inside) / len(inside) if inside else 0.0
        if abs(mean_db) < STEPS_DB[0][0]:
            left.append(name)
            continue
        step = next((word for limit, word in STEPS_DB if abs(mean_db) < limit), STRONGEST)
        verb = "are" if name == "mids" else "is"
        changes.append(f"the {name} {verb} {step}{'stronger' if mean_db > 0 else 'softer'}")
    width = _width_phrase(before, after)
    changes += [width] if width else []
    if not changes:
        return "Tone and width were left alone."
    text = _joined(changes)
    if left:
        verb = "were" if len(left) > 1 or left == ["mids"] else "was"
        text += f"; {_joined(left)} {verb} left alone"
    return f"{text[0].upper()}{text[1:]}."


def _width_phrase(before: Measurements, after: Measurements) -> str:
    if before.mono or before.width_db is None or after.width_db is None:
        return ""
    change = after.width_db - before.width_db
    if abs(change) < MIN_WIDTH_DB:
        return ""
    return f"the stereo picture is {'wider' if change > 0 else 'narrower'}"


def _level_sentence(before: Measurements, after: Measurements, reduction_db: float) -> str:
    louder = after.loudness_lufs - before.loudness_lufs
    parts = ["it is as loud as it came"]
    if abs(louder) >= MIN_LEVEL_LU:
        parts = [f"it is {abs(louder):.1f} dB {'louder' if louder > 0 else 'quieter'} than it came"]
    crest = after.crest_db - before.crest_db
    if abs(crest) >= MIN_CREST_DB:
        parts.append(f"peaks stand out {abs(crest):.1f} dB {'more' if crest > 0 else 'less'}")
    if reduction_db >= MIN_PEAK_DB:
        parts.append(f"the limiter caught peaks by up to {reduction_db:.1f} dB")
    elif abs(crest) < MIN_CREST_DB:
        parts.append("the dynamics were left alone")
    text = _joined(parts)
    return f"{text[0].upper()}{text[1:]}."


def _joined(phrases: Sequence[str]) -> str:
    if len(phrases) < 2:
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
