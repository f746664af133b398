"""The file of the page: self-contained, with the audio and data of its songs."""

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import SongSamples


def page_data(page: str) -> dict:
    match = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_the_page_is_self_contained(song: SongSamples, tmp_path: Path) -> None:
    path = write_page(tmp_path / "listening/index.html", "Title", [song])
    page = path.read_text()
    assert list(path.parent.iterdir()) == [path]
    assert "://" not in page
    assert not re.search(r"localStorage|sessionStorage|fetch\(|XMLHttp|import\(|{{", page)
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith("data:")


def test_embedded_audio_equals_the_given_audio(song: SongSamples, tmp_path: Path) -> None:
    loud = replace(song, rough=song.rough * 40)  # 12 dB above full scale
    page = write_page(tmp_path / "index.html", "Title", [song, loud]).read_text()
    songs = page_data(page)["songs"]
    for index, given in enumerate([song, loud]):
        for version in ("rough", "mix", "finished"):
            match = re.search(rf'id="audio-{index}-{version}">([^<]*)<', page)
            assert match
            decoded, rate = sf.read(io.BytesIO(base64.b64decode(match[1])), dtype="float64")
            factor = songs[index]["restoreGain"][version]
            assert rate == given.sample_rate
            assert np.abs(decoded.T * factor - given.versions()[version]).max() <= factor * 2.0**-16
    assert songs[0]["restoreGain"] == {"rough": 1, "mix": 1, "finished": 1}


def test_data_has_formatted_settings(song: SongSamples, tmp_path: Path) -> None:
    page = write_page(
        tmp_path / "i.html", "Title", [song], subtitle="Sub", headline={"skill": 0.2412, "n": "4"}
    ).read_text()
    data = page_data(page)["songs"][0]
    low, gain, reverb = data["settings"]
    (low_mix,), (gain_mix,) = low["mixes"], gain["mixes"]
    assert (low["label"], low_mix["value"], low["true"]) == ("Low EQ", "+1.5 dB", "+2.0 dB")
    assert (gain_mix["value"], gain["true"], gain["truePosition"]) == ("× 2.00", None, None)
    assert (reverb["masked"], reverb["true"]) == (True, None)  # masked
    assert data["about"].startswith("hip hop · blind")
    assert "<dd>0.241</dd>" in page
    assert data["loudnessGain"]["finished"]["db"] <= 0


def test_knobs_of_tracks_are_named_without_their_unit(song: SongSamples, tmp_path: Path) -> None:
    rows = [replace(song.mixes["mix"].settings[0], knob="track 2 (bass): fader_db")]
    tracks = replace(song, mixes={"mix": replace(song.mixes["mix"], settings=rows)})
    page = write_page(tmp_path / "i.html", "Title", [tracks]).read_text()
    (row,) = page_data(page)["songs"][0]["settings"]
    assert (row["label"], row["mixes"][0]["value"]) == ("Track 2 (bass): fader", "+1.5 dB")


def test_names_are_escaped(make: Callable[..., SongSamples], tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script> & {{audio}}"
    page = write_page(tmp_path / "i.html", name, [make(name, 0.5)], subtitle=name).read_text()
    assert "<script>alert" not in page
    assert page_data(page)["songs"][0]["name"] == name
    assert page.count('id="audio-0-mix"') == 1


def test_a_page_without_songs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one song"):
        write_page(tmp_path / "i.html", "Title", [])


@pytest.mark.slow
def test_songs_beyond_the_limit_go_to_further_pages(
    make: Callable[..., SongSamples], tmp_path: Path
) -> None:
    """Each page is below the limit, and each song is on one page, in order."""
    names = ["a", "b", "c", "d", "e"]
    whole = write_page(tmp_path / "all.html", "Title", [make(name, 0.5) for name in names])
    limit = whole.stat().st_size // 2
    first = write_page(
        tmp_path / "index.html", "Title", [make(name, 0.5) for name in names], max_bytes=limit
    )
    pages = [first, tmp_path / "index-2.html", tmp_path / "index-3.html"]
    assert sorted(tmp_path.glob("index*.html")) == sorted(pages)
    texts = [page.read_text() for page in pages]
    assert [song["name"] for text in texts for song in page_data(text)["songs"]] == names
    for page, text in zip(pages, texts, strict=True):
        assert text.count("<script type=") == 1 + 3 * len(page_data(text)["songs"])
        assert re.findall(r'<a href="([^"]*)"', text) == [
            other.name for other in pages if other != page
        ]
    assert "Pages of songs" not in whole.read_text()


def test_a_song_above_the_limit_has_its_own_page(song: SongSamples, tmp_path: Path) -> None:
    path = write_page(tmp_path / "index.html", "Title", [song, song], max_bytes=1)
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "index-2.html"])
    assert len(page_data(path.read_text())["songs"]) == 1
