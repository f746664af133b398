"""Generated songs of the band, and their files."""

import csv
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile as sf

from ai_mixer.core.types import GENRES
from ai_mixer.data.band import Band, generate, generate_band
from ai_mixer.data.band.conventions import CONVENTIONS
from ai_mixer.data.band.dsp import inter_sample_peaks
from ai_mixer.data.band.score import STEMS

SECONDS = 5.0
SHORT = {"songs": 2, "duration_s": 2.0, "sample_rate": 16000}


@pytest.fixture(scope="session")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of six songs, one per genre."""
    return generate_band(tmp_path_factory.mktemp("band"), songs=6, duration_s=SECONDS, workers=2)


def table(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="") as file:
        return list(csv.DictReader(file))


def load(manifest: Path, genre: str) -> dict[str, np.ndarray]:
    row = next(r for r in table(manifest) if r["genre"] == genre)
    names = {"finished": "file", **{n: n for n in ("dry", *STEMS)}}
    return {n: sf.read(manifest.parent / row[c])[0].T for n, c in names.items()}


def bits(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.flac")}


def test_songs_have_all_metadata(six: Path) -> None:
    songs = Band(six.parent.parent, songs=6, duration_s=SECONDS).songs()
    assert [song.genre for song in songs] == list(GENRES)
    assert {song.split for song in songs} == {"train", "val", "test"}
    for song in songs:
        assert song.dry_path is not None
        assert set(song.stems) == set(STEMS)
        assert (song.sample_rate, song.channels) == (44100, 2)
        assert song.duration_s == pytest.approx(SECONDS)
        assert song.artist
        assert song.title
        assert song.licence == "CC0-1.0"


def test_composers_are_in_one_split_and_fold(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    jobs = [generate.SongJob(genre, number) for number in range(10) for genre in GENRES]
    generate._write_manifest(manifest, jobs, 30.0, 0)
    rows = table(manifest)
    splits_of = {row["group"]: set() for row in rows}
    for row in rows:
        splits_of[row["group"]].add((row["split"], row["fold"]))
    assert len(splits_of) == 30
    assert all(len(splits) == 1 for splits in splits_of.values())
    for genre in GENRES:
        splits = [row["split"] for row in rows if row["genre"] == genre]
        assert (splits.count("train"), splits.count("val"), splits.count("test")) == (6, 2, 2)


@pytest.mark.parametrize("genre", GENRES)
def test_level_and_crest_factor_follow_the_genre(six: Path, genre: str) -> None:
    audio = load(six, genre)
    meter = pyloudnorm.Meter(44100)
    for stem in STEMS:
        assert meter.integrated_loudness(audio[stem].T) > -45.0, stem
        assert np.abs(audio[stem]).max() < 1.0
    finished = audio["finished"]
    loudness = meter.integrated_loudness(finished.T)
    assert loudness == pytest.approx(CONVENTIONS[genre].loudness_lufs, abs=1.0)
    assert 20 * np.log10(inter_sample_peaks(finished).max()) < -0.9
    crest = 20 * np.log10(np.abs(finished).max() / finished.std())
    assert 6.0 < crest < 22.0
    wet = finished - audio["dry"]
    assert -35.0 < 20 * np.log10(wet.std() / finished.std()) < 0.0


def test_spectra_of_genres_differ(six: Path) -> None:
    bands_db = {}
    for genre in GENRES:
        power = np.square(np.abs(np.fft.rfft(load(six, genre)["finished"].mean(0))))
        hertz = np.fft.rfftfreq(int(SECONDS * 44100), 1 / 44100)
        edges = (20, 120, 500, 2000, 8000, 20000)
        bands = [power[(hertz >= a) & (hertz < b)].sum() for a, b in pairwise(edges)]
        bands_db[genre] = 10 * np.log10(np.array(bands) / sum(bands))
    for i, one in enumerate(GENRES):
        for other in GENRES[i + 1 :]:
            assert np.abs(bands_db[one] - bands_db[other]).max() > 1.5, (one, other)
    for quiet in ("jazz", "classical"):
        assert bands_db["electronic"][0] > bands_db[quiet][0] + 1.5


def test_files_depend_only_on_the_seed(tmp_path: Path) -> None:
    one = generate_band(tmp_path / "one", workers=1, **SHORT).parent
    two = generate_band(tmp_path / "two", workers=2, **SHORT).parent
    assert bits(one) == bits(two)
    assert (one / "manifest.csv").read_bytes() == (two / "manifest.csv").read_bytes()
    other = generate_band(tmp_path / "one", seed=1, **SHORT).parent
    assert other != one
    assert all(bits(other)[name] != data for name, data in bits(one).items())


def test_only_missing_songs_are_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = generate_band(tmp_path, **SHORT).parent
    before = bits(folder)
    (folder / "manifest.csv").unlink()
    shutil.rmtree(folder / "rock_00")
    generated = []
    original = generate.synthesise_song

    def record(job: generate.SongJob, *args: object) -> dict[str, np.ndarray]:
        generated.append(job.name)
        return original(job, *args)

    monkeypatch.setattr(generate, "synthesise_song", record)
    generate_band(tmp_path, **SHORT)
    assert generated == ["rock_00"]
    assert bits(folder) == before


def test_no_manifest_is_written_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(generate, "synthesise_song", fail)
    with pytest.raises(OSError, match="No space left"):
        generate_band(tmp_path, **SHORT)
    assert not list(tmp_path.rglob("manifest.csv"))


def test_concurrent_generations_do_not_conflict(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(generate_band, tmp_path, **SHORT) for _ in range(2)]
    folders = {run.result().parent for run in runs}
    assert len(folders) == 1
    folder = folders.pop()
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.csv", "pop_00", "rock_00"]
    assert len(bits(folder)) == 12


@pytest.mark.parametrize(
    "wrong", [{"songs": 0}, {"duration_s": 0.5}, {"sample_rate": 4000}], ids=lambda w: next(iter(w))
)
def test_arguments_out_of_range_are_errors(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        generate_band(tmp_path, **wrong)
