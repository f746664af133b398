"""MUSDB18: 150 songs with the stems drums, bass, other and vocals; as .mp4 or uncompressed (HQ).

Rafii, Liutkus, Stöter, Mimilakis & Bittner, "The MUSDB18 corpus for music separation", 2017,
doi:10.5281/zenodo.1117372; HQ: doi:10.5281/zenodo.3338373. Stems contain their effects: the songs
have no dry version.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_mixer.audio.ffmpeg_file import require_pyav
from ai_mixer.audio.stream_path import stream_path
from ai_mixer.data.collection import Collection

STREAMS = ("mixture", "drums", "bass", "other", "vocals")  # in the order of the .mp4 streams
SUFFIX = ".stem.mp4"
LICENCE = "academic use only; each song has a licence of its own"
# Songs of train/ that are used for validation: `validation_tracks` of the authors' parser.
VALIDATION_SONGS = frozenset(
    (
        "Actions - One Minute Smile",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Johnny Lokke - Promises & Lies",
        "Patrick Talbot - A Reason To Leave",
        "Triviul - Angelsaint",
        "Alexander Ross - Goodbye Bolero",
        "Fergessen - Nos Palpitants",
        "Leaf - Summerghost",
        "Skelpolu - Human Mistakes",
        "Young Griffo - Pennies",
        "ANiMAL - Rockshow",
        "James May - On The Line",
        "Meaxic - Take A Step",
        "Traffic Experiment - Sirens",
    )
)


class Musdb18(Collection):
    """`train/` and `test/` with one file `Artist - Title.stem.mp4` per song: five AAC streams."""

    name = "musdb18"
    layout = f"train/ and test/ with files `Artist - Title{SUFFIX}`"

    def rows(self) -> Sequence[dict[str, Any]]:
        """One row per .mp4; its first stream is the mixture. ValueError if PyAV is missing."""
        require_pyav()
        return [
            _row(folder.name, file.name.removesuffix(SUFFIX), _streams(file))
            for folder in self.split_folders()
            for file in sorted(folder.glob(f"[!.]*{SUFFIX}"))
        ]

    def split_folders(self) -> Iterator[Path]:
        """The folders of the official split."""
        for split in ("train", "test"):
            folder = self.root / split
            if not folder.is_dir():
                raise self.layout_error(folder)
            yield folder


class Musdb18HQ(Musdb18):
    """`train/` and `test/` with one folder `Artist - Title/` per song: five wav files."""

    name = "musdb18hq"
    layout = "train/ and test/ with folders `Artist - Title/`, mixture.wav and four stems in each"

    def rows(self) -> Sequence[dict[str, Any]]:
        """One row per folder; folders without all stems are skipped."""
        rows = []
        folders = [song for split in self.split_folders() for song in sorted(split.glob("[!.]*/"))]
        for song in folders:
            files = {stem: song / f"{stem}.wav" for stem in STREAMS}
            missing = [file.name for file in files.values() if not file.is_file()]
            if missing:
                self.skip(song, f"lacks {', '.join(missing)}")
            else:
                rows.append(_row(song.parent.name, song.name, files))
        return rows


def _streams(file: Path) -> dict[str, Path]:
    """Path of each stream; the mixture is the default stream of the file."""
    return {stem: stream_path(file, n) if n else file for n, stem in enumerate(STREAMS)}


def _row(folder: str, name: str, files: Mapping[str, Path]) -> dict[str, Any]:
    artist, _, title = name.partition(" - ")
    return {
        "id": name,
        "path": files["mixture"],
        "song": name,
        "group": artist,
        "split": "val" if folder == "train" and name in VALIDATION_SONGS else folder,
        "artist": artist,
        "title": title or name,
        "licence": LICENCE,
        "stems": {stem: file for stem, file in files.items() if stem != "mixture"},
    }
