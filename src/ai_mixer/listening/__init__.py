"""Listening to a model: a page that plays rough, mix and finished, and the audio as files."""

from ai_mixer.listening.audio import write_audio
from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import SettingRow, SongSamples, setting_rows

__all__ = ["SettingRow", "SongSamples", "setting_rows", "write_audio", "write_page"]
