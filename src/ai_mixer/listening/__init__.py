"""Listening pages: an HTML page that plays rough, mixes and finished, and FLAC files."""

from ai_mixer.listening.flac import write_flac_files, write_track_files
from ai_mixer.listening.page import TableSection, write_page
from ai_mixer.listening.page_data import VersionLabel
from ai_mixer.listening.samples import Mix, SettingRow, SongSamples, TrackSamples, setting_rows

__all__ = [
    "Mix",
    "SettingRow",
    "SongSamples",
    "TableSection",
    "TrackSamples",
    "VersionLabel",
    "setting_rows",
    "write_flac_files",
    "write_page",
    "write_track_files",
]
