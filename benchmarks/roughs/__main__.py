"""Rough versions made by another processor: `make roughs data=band out=outputs/roughs/band`.

Writes pairs/<song>/before.wav, after.wav and reference.wav (another excerpt of the same song), and
manifest.csv with the processor's settings and each song's split, artist, genre and licence.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from scipy.io import wavfile
from torch import Tensor

from ai_mixer.audio.excerpt import SongError
from ai_mixer.cli.stage import stage
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.excerpt_sampler import ExcerptSampler, second_excerpt_start
from ai_mixer.data.file_digest import digest_file
from ai_mixer.data.skipped_songs import warn_skipped
from ai_mixer.data.splits import SPLITS
from ai_mixer.training.builders import build_source
from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.progress import progress_bar

try:
    from processor import draw_settings, make_rough
except ModuleNotFoundError as error:
    if error.name != "pedalboard":
        raise
    raise SystemExit("error: pedalboard is missing (extra `dev`): make setup") from None

ALL_SPLITS = "all"


def make_roughs(
    songs: Sequence[Song], out: Path, *, excerpts: int, seconds: float, sample_rate: int, seed: int
) -> tuple[pd.DataFrame, list[SkippedSong]]:
    """Write triples of every song into `out`; return the manifest and the skipped songs.

    A triple depends only on seed, song and excerpt number. ValueError if `out` is not empty, or no
    song can be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"out={out}: not empty: choose another folder, or delete it")
    if excerpts < 1 or not seconds > 0:
        raise ValueError(f"excerpts={excerpts} seconds={seconds:g}: both must be above 0")
    rows: list[dict[str, Any]] = []
    skipped = []
    for song in progress_bar(songs, "making roughs"):
        try:
            for number in range(excerpts):
                rng = np.random.default_rng(_seed(seed, song.id, number))
                triple, columns = _triple(song, seconds, sample_rate, rng)
                folder = _folder(song.id if excerpts == 1 else f"{song.id} {number + 1}")
                paths = _write(out, folder, triple, sample_rate)
                rows.append(_metadata(song) | paths | columns)
        except SongError as error:
            skipped.append(SkippedSong(error.file, error.reason))
    if not rows:
        raise ValueError(f"no song can be used{f' (first: {skipped[0]})' if skipped else ''}")
    manifest = pd.DataFrame(rows).dropna(axis="columns", how="all")
    manifest.to_csv(out / "manifest.csv", index=False)
    return manifest, skipped


def _triple(
    song: Song, seconds: float, sample_rate: int, rng: np.random.Generator
) -> tuple[dict[str, Tensor | np.ndarray], dict[str, Any]]:
    """before, after and reference, [2, T] each, and columns of the manifest."""
    length_s = min(seconds, song.duration_s / 3)  # so that a second excerpt always fits
    reader = ExcerptSampler(sample_rate, length_s, None, rng)
    start_s, after = reader.random_excerpt(song, song.path, rng)
    reference_s = second_excerpt_start(start_s, song.duration_s, length_s, rng)
    reference = reader.read(song.path, reference_s)
    rough = draw_settings(rng)
    before = make_rough(after.numpy(), sample_rate, rough)
    if not np.isfinite(before).all():
        raise SongError(song.path, "the other processor returns NaN or infinite samples")
    times = {"start_s": start_s, "reference_start_s": reference_s, "duration_s": length_s}
    times = {name: round(value, 6) for name, value in times.items()}
    return {"after": after, "before": before, "reference": reference}, times | rough.row()


def _write(out: Path, folder: Path, triple: dict[str, Any], sample_rate: int) -> dict[str, str]:
    """Write a triple as float, so that nothing clips; return the paths for the manifest.

    With scipy, as libsndfile writes the current time into each file.
    """
    (out / folder).mkdir(parents=True, exist_ok=True)
    for name, audio in triple.items():
        file = out / folder / f"{name}.wav"
        if file.exists():
            raise ValueError(f"{file}: two songs have this path: process them separately")
        with reraise_disk_full(file):
            wavfile.write(file, sample_rate, np.asarray(audio).T)
    columns = {"file": "after", "rough": "before", "reference": "reference"}
    return {column: (folder / f"{name}.wav").as_posix() for column, name in columns.items()}


def _folder(name: str) -> Path:
    """Folder of a song, always inside `pairs`."""
    return Path("pairs", *(part for part in Path(name).parts if part not in {"..", "/"}))


def _metadata(song: Song) -> dict[str, str | None]:
    names = ("song", "title", "artist", "group", "split", "genre", "licence")
    labels = {name: getattr(song, name) for name in names}
    source = {"source": song.id, "source_digest": digest_file(song.path)}
    return {"file": None, **labels, **source}


def _seed(seed: int, song: str, number: int) -> list[int]:
    return [seed, number, *hashlib.sha256(song.encode("utf-8", "surrogateescape")).digest()]


def _select(songs: Sequence[Song], split: str, count: int | None) -> Iterator[Song]:
    if split not in (*SPLITS, ALL_SPLITS):
        raise ValueError(f"split={split}: is none of {', '.join(SPLITS)}, {ALL_SPLITS}")
    selected = [song for song in songs if split in (song.split, ALL_SPLITS)]
    if not selected:
        counts = {name: sum(song.split == name for song in songs) for name in SPLITS}
        raise ValueError(f"split={split}: no songs (songs per split: {counts})")
    yield from selected[:count]


@stage("roughs")
def main(cfg: DictConfig) -> None:
    """`python benchmarks/roughs data=NAME out=FOLDER [split=test excerpts=1 seconds=30]`."""
    source = build_source(cfg)
    songs = [*_select(source.songs(), cfg.split, cfg.songs)]
    out = Path(cfg.out).expanduser()
    options = {name: cfg[name] for name in ("excerpts", "seconds", "sample_rate", "seed")}
    manifest, skipped = make_roughs(songs, out, **options)
    warn_skipped([*getattr(source, "skipped", ()), *skipped])
    print(f"{len(manifest)} triples of {manifest['song'].nunique()} songs: {out}")
    print(f"make evaluate run=last data=pairs data.root={out}")


if __name__ == "__main__":
    main()
