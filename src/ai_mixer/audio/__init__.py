"""Sound files as they come and as they go: any length, block by block."""

from ai_mixer.audio.formats import format_of
from ai_mixer.audio.reader import Sound, same_file
from ai_mixer.audio.writer import write_sound

__all__ = ["Sound", "format_of", "same_file", "write_sound"]
