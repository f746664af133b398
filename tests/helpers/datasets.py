"""Tiny synthetic datasets in the layouts that the dataset classes read."""

import numpy as np
import pretty_midi
import pytest
import soundfile

from helpers.tracks import write_songs

RATE = 44_100

MUSDB18_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
MUSDB18_SONGS = (
    ("train", "Actions - One Minute Smile"),
    ("train", "Actions - South Of The Water"),
    ("train", "Young Griffo - Pennies"),
    ("train", "A Classic Education - NightOwl"),
    ("test", "Al James - Schoolboy Facination"),
    ("test", "Triviul feat. The Fiend - Widow"),
)
GTZAN_EXCERPTS = (
    *("blues.00000", "blues.00012", "blues.00029", "hiphop.00003", "hiphop.00030"),
    *("rock.00000", "rock.00010", "rock.00038", "reggae.00086"),
)
FMA_TRACKS = (  # id, artist, split, subset, genre_top
    (2, 1, "training", "medium", "Hip-Hop"),
    (5, 1, "training", "small", "Hip-Hop"),
    (140, 54, "training", "small", "Folk"),
    (141, 55, "validation", "small", "Rock"),
    (190, 56, "test", "small", "Electronic"),
    (193, 57, "test", "large", ""),
    (999, 58, "training", "small", "Rock"),
    (98565, 59, "training", "small", "Rock"),
)


def small_song(number, seconds=3.0):
    """[T, 2]: a chord that is panned over time, two hits per second, and noise."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * RATE)) / RATE
    chord = [np.sin(2 * np.pi * 110 * 2 ** (note / 12) * time) for note in rng.choice(36, 4)]
    hits = rng.standard_normal(time.shape) * np.exp(-(time % 0.5) / 0.05)
    hiss = 0.05 * rng.standard_normal((2, *time.shape))
    pan = 0.5 + 0.3 * np.sin(2 * np.pi * 0.5 * time + number)
    sides = np.stack([pan, 1 - pan]) * sum(chord) / 4 + 0.5 * hits + hiss
    return (0.7 * sides / np.abs(sides).max()).T


def _musdb18(root):
    for number, (split, name) in enumerate(MUSDB18_SONGS):
        (root / split).mkdir(exist_ok=True)
        _write_stems(root / split / f"{name}.stem.mp4", number)


def _musdb18hq(root):
    for number, (split, name) in enumerate(MUSDB18_SONGS):
        (root / split / name).mkdir(parents=True)
        for place, stem in enumerate(MUSDB18_STREAMS):
            song = small_song(10 * number + place)
            soundfile.write(root / split / name / f"{stem}.wav", song, RATE, subtype="PCM_16")


def _gtzan(root):
    """Excerpts of each split, one that is in no split, and a damaged one."""
    for number, name in enumerate(GTZAN_EXCERPTS):
        folder = root / "genres" / name.partition(".")[0]
        folder.mkdir(parents=True, exist_ok=True)
        mono = small_song(number).mean(1)[::2]
        soundfile.write(folder / f"{name}.wav", mono, RATE // 2, subtype="PCM_16")
        (folder / f"._{name}.wav").write_text("metadata file of macOS")
    (root / "genres" / "jazz").mkdir()
    (root / "genres" / "jazz" / "jazz.00054.wav").write_bytes(bytes(2000))


def _fma(root):
    """tracks.csv with three header rows, and clips; one has no file, one is known to be damaged."""
    columns = ["album,title", "artist,id", "artist,name", "set,split", "set,subset"]
    columns += ["track,genre_top", "track,license", "track,title"]
    upper, lower = zip(*(column.split(",") for column in columns), strict=True)
    lines = [",".join(["", *upper]), ",".join(["", *lower]), "track_id" + "," * len(columns)]
    for track, artist, split, subset, genre in FMA_TRACKS:
        row = [track, '"An album,\nin two lines"', artist, f"Artist {artist}", split, subset]
        lines.append(",".join(map(str, [*row, genre, "CC BY-NC 3.0", f'"Song, {track}"'])))
        if track != 999:
            file = root / "fma_large" / f"{track:06d}"[:3] / f"{track:06d}.mp3"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, small_song(track), RATE, format="MP3")
    (root / "fma_metadata").mkdir()
    (root / "fma_metadata" / "tracks.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pairs(root):
    """One before-and-after pair per split, with a reference."""
    lines = ["file,rough,reference,group,split,genre"]
    for number, split in enumerate(("train", "val", "test")):
        folder = root / "pairs" / split
        folder.mkdir(parents=True)
        song = small_song(number)
        soundfile.write(folder / "after.wav", song, RATE)
        soundfile.write(folder / "before.wav", 0.5 * song, RATE)
        soundfile.write(folder / "reference.wav", song[::-1], RATE)
        place = f"pairs/{split}"
        files = ",".join(f"{place}/{name}.wav" for name in ("after", "before", "reference"))
        lines.append(f"{files},artist {number},{split},rock")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")


def _write_stems(file, number):
    """Write five AAC streams to one .mp4, as in Native Instruments' stem format.

    Without perceptual noise substitution, with which each decoding gives other samples.
    """
    av = pytest.importorskip("av", reason="the extra `stems` is not installed")
    with av.open(str(file), "w", format="mp4") as container:
        settings = {"aac_coder": "fast", "aac_pns": "0"}
        streams = [
            container.add_stream("aac", rate=RATE, layout="stereo", options=settings)
            for _ in MUSDB18_STREAMS
        ]
        for place, stream in enumerate(streams):
            stream.bit_rate = 256_000
            samples = np.ascontiguousarray(small_song(10 * number + place).T, dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, 0
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)


def _midi(root):
    """MIDI files of different artists, with drums, bass and a piano."""
    for number in range(6):
        score = pretty_midi.PrettyMIDI()
        for program, keys in ((0, (36, 38, 42)), (33, (36, 43)), (0, (60, 64, 67))):
            part = pretty_midi.Instrument(program, is_drum=keys[0] == 36 and program == 0)
            part.notes = [
                pretty_midi.Note(90, key + (0 if part.is_drum else number), 0.4 * n, 0.4 * n + 0.4)
                for n, key in enumerate(keys * 3)
            ]
            score.instruments.append(part)
        (root / f"artist {number}").mkdir()
        score.write(str(root / f"artist {number}" / "song.mid"))


WRITERS = {  # option of `data` → function that writes its dataset to a folder
    "musdb18": _musdb18,
    "musdb18hq": _musdb18hq,
    "tracks": write_songs,
    "gtzan": _gtzan,
    "fma": _fma,
    "pairs": _pairs,
    "midi": _midi,
}
