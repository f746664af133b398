"""Sound files as they come and as they go: any length, block by block."""

from ai_mixer.files.drafts import draft_of, write_text
from ai_mixer.files.formats import format_of
from ai_mixer.files.reading import Sound, same_file
from ai_mixer.files.writing import write_sound

__all__ = ["Sound", "draft_of", "format_of", "same_file", "write_sound", "write_text"]
