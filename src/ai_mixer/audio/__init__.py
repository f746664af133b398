"""Reading and writing of audio files of any length, block by block."""

from ai_mixer.audio.formats import format_of
from ai_mixer.audio.reader import AudioFile, same_file
from ai_mixer.audio.writer import write_audio

__all__ = ["AudioFile", "format_of", "same_file", "write_audio"]
