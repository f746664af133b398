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
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_needs_nothing_else(song: SongSamples, tmp_path: Path) -> None:
    path = write_page(tmp_path / "listening/index.html", "Title", [song])
    page = path.read_text()
    assert list(path.parent.iterdir()) == [path]
    assert "://" not in page
    assert not re.search(r"localStorage|sessionStorage|fetch\(|XMLHttp|import\(|{{", page)
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith("data:")


def test_the_audio_in_the_page_is_the_audio_given(song: SongSamples, tmp_path: Path) -> None:
    loud = replace(song, rough=song.rough * 40)  # 12 dB over full scale
    page = write_page(tmp_path / "index.html", "Title", [song, loud]).read_text()
    songs = page_data(page)["songs"]
    for index, given in enumerate([song, loud]):
        for version in ("rough", "mix", "finished"):
            found = re.search(rf'id="audio-{index}-{version}">([^<]*)<', page)
            assert found
            heard, rate = sf.read(io.BytesIO(base64.b64decode(found[1])), dtype="float64")
            factor = songs[index]["restore"][version]
            assert rate == given.sample_rate
            assert np.abs(heard.T * factor - given.versions()[version]).max() <= factor * 2.0**-16
    assert songs[0]["restore"] == {"rough": 1, "mix": 1, "finished": 1}


def test_facts_are_told_in_words(song: SongSamples, tmp_path: Path) -> None:
    page = write_page(
        tmp_path / "i.html", "Title", [song], subtitle="Sub", headline={"skill": 0.2412, "n": "4"}
    ).read_text()
    facts = page_data(page)["songs"][0]
    low, gain, reverb = facts["settings"]
    (low_mix,), (gain_mix,) = low["mixes"], gain["mixes"]
    assert (low["label"], low_mix["value"], low["true"]) == ("Low EQ", "+1.5 dB", "+2.0 dB")
    assert (gain_mix["value"], gain["true"], gain["trueAt"]) == ("× 2.00", None, None)
    assert (reverb["masked"], reverb["true"]) == (True, None)  # nobody can know it
    assert "heard the rough version only" in facts["about"]
    assert "<dd>0.241</dd>" in page
    assert facts["matching"]["finished"]["db"] <= 0


def test_strange_names_stay_text(make: Callable[..., SongSamples], tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script> & {{audio}}"
    page = write_page(tmp_path / "i.html", name, [make(name, 0.5)], subtitle=name).read_text()
    assert "<script>alert" not in page
    assert page_data(page)["songs"][0]["name"] == name
    assert page.count('id="audio-0-mix"') == 1


def test_a_page_without_songs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one song"):
        write_page(tmp_path / "i.html", "Title", [])


def test_songs_beyond_the_limit_go_to_further_pages(
    make: Callable[..., SongSamples], tmp_path: Path
) -> None:
    """MLflow shows no large file: each page stays below, all songs are there once, in order."""
    names = ["a", "b", "c", "d", "e"]
    whole = write_page(tmp_path / "all.html", "Title", [make(name, 0.5) for name in names])
    limit = whole.stat().st_size // 2
    first = write_page(
        tmp_path / "index.html", "Title", [make(name, 0.5) for name in names], max_bytes=limit
    )
    sheets = [first, tmp_path / "index-2.html", tmp_path / "index-3.html"]
    assert sorted(tmp_path.glob("index*.html")) == sorted(sheets)
    texts = [sheet.read_text() for sheet in sheets]
    assert [song["name"] for text in texts for song in page_data(text)["songs"]] == names
    for sheet, text in zip(sheets, texts, strict=True):
        assert text.count("<script type=") == 1 + 3 * len(page_data(text)["songs"])
        assert re.findall(r'<a href="([^"]*)"', text) == [
            other.name for other in sheets if other != sheet
        ]
    assert "Pages of songs" not in whole.read_text()


def test_one_song_too_long_for_the_limit_is_written_all_the_same(
    song: SongSamples, tmp_path: Path
) -> None:
    path = write_page(tmp_path / "index.html", "Title", [song, song], max_bytes=1)
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "index-2.html"])
    assert len(page_data(path.read_text())["songs"]) == 1
