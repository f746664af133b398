"""Songs of several tracks in a folder: any tree of song folders, or a manifest with tracks."""

import os
from pathlib import Path

from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.folder import ROOT_VARIABLE
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_collector import SongCollector, split_songs
from ai_mixer.data.split_assignment import Recording
from ai_mixer.data.track_layouts import find_song_folders
from ai_mixer.data.track_manifest import collect_track_manifest, is_track_manifest
from ai_mixer.data.track_roles import with_roles_from_sound
from ai_mixer.data.track_songs import TrackFiles, add_track_song

TRACKS_FOLDER, MANIFEST = "tracks", "manifest.csv"


class Tracks:
    """Songs with tracks below `root` (default: the environment variable AI_MIXER_MUSIC).

    A sub-folder `tracks/` is used as the root if it exists. With a `manifest.csv` that lists tracks
    in it, the manifest decides (`track_manifest`), else the folders (`track_layouts`); the artist,
    which splits keep together, is then the folder above the song. fold: test fold, a number of the
    manifest or `k/K`. index: folder of the metadata cache. roles_from_sound: tracks whose name says
    no role get one from their sound if it is likely. ValueError if the folder does not exist or has
    no song with two tracks.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        fold: int | str | None = None,
        index: str | Path | None = None,
        roles_from_sound: bool = True,
    ) -> None:
        chosen = root or os.environ.get(ROOT_VARIABLE)
        if not chosen:
            raise ValueError(
                f"data.root is not set: give data.root=/your/tracks or set {ROOT_VARIABLE}"
            )
        folder = Path(chosen).expanduser()
        if not folder.is_dir():
            raise ValueError(f"data.root={chosen}: no such folder")
        self.root = folder / TRACKS_FOLDER if (folder / TRACKS_FOLDER).is_dir() else folder
        self.fold, self.index = fold, MetadataCache(index)
        self.roles_from_sound = roles_from_sound
        self.skipped: list[SkippedSong] = []
        self.leaks: list[str] = []

    def track_songs(self) -> list[Song]:
        """All songs with their splits; sets `skipped`."""
        manifest = self.root / MANIFEST
        listed = is_track_manifest(manifest)
        collector = collect_track_manifest(manifest, self.index) if listed else self._walk()
        songs, self.skipped, self.leaks = split_songs(collector, self.root, fold=self.fold)
        return with_roles_from_sound(songs, self.index) if self.roles_from_sound else songs

    songs = track_songs

    def _walk(self) -> SongCollector:
        found = list(find_song_folders(self.root))
        files = [track.path for song in found for track in song.tracks]
        scan = self.index.scan(files)
        collector = SongCollector(skipped=list(scan.skipped))
        for song in found:
            name = song.folder.relative_to(self.root).as_posix()
            tracks = tuple(track for track in song.tracks if track.path in scan.metadata)
            if len(tracks) < 2:
                collector.skipped.append(SkippedSong(name, "has fewer than two readable tracks"))
                continue
            parts = song.folder.relative_to(self.root).parts
            recording = Recording(name, name, parts[-2] if len(parts) > 1 else name)
            add_track_song(collector, TrackFiles(name, tracks, song.mix), scan.metadata, recording)
        if not collector.songs:
            raise ValueError(
                f"{self.root}: no song with two tracks: put each song in a folder of its own"
            )
        return collector
