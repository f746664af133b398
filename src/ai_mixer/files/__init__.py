"""Sound files as they come and as they go: any length, block by block."""

from ai_mixer.files.formats import format_of
from ai_mixer.files.reading import Sound, same_file
from ai_mixer.files.writing import write_sound

__all__ = ["Sound", "format_of", "same_file", "write_sound"]
