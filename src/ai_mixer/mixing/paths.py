"""What results are called where nobody says it."""

from pathlib import Path

from ai_mixer.audio.formats import FORMATS


def default_output(path: Path, word: str = "mixed") -> Path:
    """`song.mp3` → `song_mixed.mp3`; a kind that is not written becomes .wav."""
    ending = path.suffix if path.suffix.lower() in FORMATS else ".wav"
    return path.with_name(f"{path.stem}_{word}{ending}")


def sidecar_paths(output: Path) -> tuple[Path, Path]:
    """Where the settings and the report of a result lie."""
    return output.with_suffix(".json"), output.with_suffix(".html")
