"""`ai-mixer mix --tracks` without a model uses the packaged one: its knobs, limits and licence."""

import csv
import json
from collections import Counter

import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.data.tracks import Tracks
from ai_mixer.inference import pretrained
from ai_mixer.inference.track_predictor import load_track_model
from ai_mixer.inference.weights_licence import derive_licence
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_options import MixOptions
from helpers.tracks import RATE, track_batch, write, write_songs

PREDICTED = {"fader_db", "pan"}
MAX_BYTES = 5_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("music"), songs=1, seconds=2.0) / "artist 0/song 0"


def test_the_packaged_model_balances_the_tracks_and_leaves_what_it_does_not_know(folder, tmp_path):
    result = AudioMixer().mix_tracks([folder], tmp_path / "mix.wav")
    assert json.loads((tmp_path / "mix.json").read_text())["model"] == pretrained.track_model()
    neutral = AudioMixer().mix_tracks(
        [folder], tmp_path / "equal.wav", mix_options=MixOptions(0.0), target_lufs=-14.0
    )
    tracks, equal = result.settings["tracks"], neutral.settings["tracks"]
    levels = [track["fader_db"] for track in tracks]
    assert max(levels) - min(levels) > 1.0
    assert all(track["fader_db"] == pytest.approx(0, abs=1e-4) for track in equal)
    for own, other in zip(tracks, equal, strict=True):
        same = own.keys() - PREDICTED - {"name", "role"}
        assert [own[name] for name in same] == pytest.approx([other[n] for n in same], rel=1e-3)
        assert abs(own["pan"]) < 0.2
    assert result.measurements.true_peak_db <= -0.9
    assert result.measurements.loudness_lufs == pytest.approx(-14.0, abs=0.5)


@pytest.mark.parametrize(("tracks", "channels"), [(1, 1), (2, 2), (64, 1)])
def test_one_track_many_and_silence_give_levels_in_range(tracks, channels):
    predictor = load_track_model(str(pretrained.track_model()))
    batch = track_batch(tracks, predictor.console.layout)
    batch.tracks = batch.tracks[:, :, :channels].expand(-1, -1, 2, -1).clone()
    batch.tracks[0, -1] = 0.0
    knobs = predictor.console.layout.from_flat(predictor.predict(batch).knobs)
    settings = predictor.console.settings(knobs)[0]["tracks"]
    assert all(-25.0 < track["fader_db"] <= 12.0 for track in settings)


def test_a_single_silent_or_mono_file_is_mixed(tmp_path):
    write(tmp_path / "vox.wav", 0, seconds=1.0, channels=1)
    soundfile.write(tmp_path / "gap.wav", torch.zeros(RATE).numpy(), RATE)
    files = [tmp_path / "vox.wav", tmp_path / "gap.wav"]
    result = AudioMixer().mix_tracks(files, tmp_path / "mix.wav")
    assert [track["name"] for track in result.settings["tracks"]] == ["vox.wav"]
    assert result.measurements.true_peak_db <= -0.9


def test_its_card_licence_and_credits_agree_and_it_is_small():
    for name in pretrained.list_track_models():
        folder, licence = pretrained.model_folder(name), pretrained.licence(name)
        assert sum(file.stat().st_size for file in folder.iterdir()) < MAX_BYTES
        text = (folder / "card.md").read_text(encoding="utf-8")
        assert f"The weights: {licence.describe()}." in text
        assert "](" not in text
        with (pretrained.MODELS_DIR / "credits_tracks.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert f"{len(rows)} recordings" in text
        assert all(row["song"] and row["artist"] and row["source"] for row in rows)
        assert derive_licence(Counter(row["licence"] for row in rows)) == licence


@pytest.mark.music
@pytest.mark.slow
def test_loudness_and_peaks_are_those_of_equal_loudness_on_real_songs(tmp_path):
    """And the levels are closer to those of the song's own mix than equal loudness, on average."""
    for song in Tracks(roles_from_sound=False).track_songs()[::8]:
        files = [track.path for track in song.tracks]
        found = {}
        for amount in (0.0, 1.0):
            options = {"mix_options": MixOptions(amount), "force": True}
            result = AudioMixer().mix_tracks(files, tmp_path / "mix.wav", **options)
            found[amount] = result.measurements
            assert AudioFile(tmp_path / "mix.wav").frames > 0
        assert found[1.0].loudness_lufs >= found[0.0].loudness_lufs - 0.3
        assert found[1.0].true_peak_db <= -0.9
