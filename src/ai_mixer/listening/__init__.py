"""Listening to a model: a page that plays rough, mixes and finished, and the audio as files."""

from ai_mixer.listening.flac import write_audio
from ai_mixer.listening.page import Section, write_page
from ai_mixer.listening.page_data import Label
from ai_mixer.listening.samples import Mix, SettingRow, SongSamples, setting_rows

__all__ = [
    "Label",
    "Mix",
    "Section",
    "SettingRow",
    "SongSamples",
    "setting_rows",
    "write_audio",
    "write_page",
]
