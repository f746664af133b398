"""Mixing files of several tracks: kinds of files, options, stems, settings, report."""

import json

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.console import load_console
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.track_inputs import TRACK_LUFS, measured, song_format, track_inputs
from ai_mixer.mixing.track_render import TrackRenderer
from ai_mixer.mixing.track_report import desk_svg, eq_curves_db, eq_svg
from helpers.measures import residual_db
from helpers.tracks import RATE, save_track_model, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four tracks: stereo, mono at another rate, short, silent."""
    root = tmp_path_factory.mktemp("song")
    write(root / "kick.wav", 0, seconds=2.5)
    write(root / "bass.flac", 1, seconds=2.5, channels=1, rate=48_000)
    write(root / "vox.wav", 2, seconds=1.2, pan=-0.5)
    soundfile.write(root / "spare.wav", np.zeros((RATE, 2)), RATE)
    return root


def read(path):
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(audio.T), rate


@pytest.fixture(scope="module")
def mixed(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    result = AudioMixer().mix_tracks(
        [folder],
        out / "mix.wav",
        stems=out / "stems",
        pans={"kick": 0.3},
        leads=["vox.wav"],
        target_lufs=-23.0,
        mix_options=MixOptions(0.0),
    )
    return result, out


def test_the_mix_has_the_highest_rate_the_longest_length_and_its_loudness(mixed):
    result, out = mixed
    audio, rate = read(out / "mix.wav")
    assert rate == 48_000
    assert audio.shape == (2, 120_000)
    assert float(loudness_lufs(audio[None], rate)) == pytest.approx(-23.0, abs=0.3)
    assert result.measurements.true_peak_db <= -1.0


def test_what_is_particular_about_files_is_named(mixed):
    notes = " | ".join(mixed[0].notes)
    assert "spare.wav is silent and left out" in notes
    assert "vox.wav is converted from 44100 to 48000 Hz" in notes
    assert "vox.wav ends 1.3 s before the longest track" in notes


def test_the_stems_have_the_names_of_their_files_and_sum_to_the_mix_before_the_master(mixed):
    result, out = mixed
    assert [path.name for path in result.stems] == ["bass.wav", "kick.wav", "vox.wav"]
    total = sum(read(path)[0] for path in result.stems)
    mix, _ = read(out / "mix.wav")
    # The delivery is a gain here, and the file has 24 bits.
    gain = (mix * total).sum() / total.square().sum()
    assert residual_db(gain * total, mix) < -90


def test_settings_are_those_of_the_console_and_options_change_them(mixed):
    result, out = mixed
    content = json.loads((out / "mix.json").read_text())
    loaded = load_console("studio").load_settings(content["settings"])
    assert loaded.names == [["bass.flac", "kick.wav", "vox.wav"]]
    tracks = {track["name"]: track for track in result.settings["tracks"]}
    assert tracks["kick.wav"]["pan"] == pytest.approx(0.3, abs=1e-6)
    assert tracks["vox.wav"]["fader_db"] == pytest.approx(3.0, abs=1e-4)
    assert tracks["bass.flac"]["fader_db"] == pytest.approx(0.0, abs=1e-4)
    assert [track["role"] for track in tracks.values()] == ["bass", "drums", "vocals"]
    assert set(content["gain_db"]) == set(tracks)


def test_the_report_has_the_desk_and_loads_nothing(mixed):
    text = (mixed[1] / "mix.html").read_text()
    assert text.count("<circle") == 3
    assert "spare.wav is silent" in text
    assert "http" not in text
    assert "No track is equalised" in text
    assert "&lt;b&gt;" in desk_svg([{"name": "<b>", "fader_db": 0.0, "pan": 0.0}])
    assert ">01_drums-snare.wav<" in desk_svg(
        [{"name": "01_drums-snare.wav", "fader_db": 0.0, "pan": 0.0}]
    )


def test_eq_curves_are_those_of_the_strip_without_its_fader():
    console = load_console("studio")
    knobs = console.neutral(2)
    names = console.strip.names
    shelf = console.strip.knobs[names.index("high_shelf_db")]
    knobs.strips[0, 1, names.index("high_shelf_db")] = shelf.to_position(torch.tensor(6.0))
    knobs.strips[0, :, names.index("fader_db")] = 0.1
    curves = eq_curves_db(console, knobs)
    assert curves[0].abs().max() < 1e-3
    assert curves[1, [0, -1]].tolist() == pytest.approx([0.0, 6.0], abs=0.5)
    tracks = [{"name": "kick & co"}, {"name": "voice"}]
    assert eq_svg(tracks, curves).count("<polyline") == 1
    assert "voice" in eq_svg(tracks, curves)


def test_stems_and_buses_equal_the_console_offline(folder, tmp_path):
    """With random knobs and sends: the blocks of each track give what the graph gives at once."""
    console = load_console("studio")
    inputs = [measured(track) for track in track_inputs([folder / "kick.wav", folder / "vox.wav"])]
    rate, frames = song_format(inputs)
    generator = torch.Generator().manual_seed(0)
    neutral = console.neutral(2)
    knobs = GraphKnobs(
        0.3 + 0.4 * torch.rand(neutral.strips.shape, generator=generator),
        0.3 + 0.4 * torch.rand(neutral.buses.shape, generator=generator),
        neutral.master,
    )
    renderer = TrackRenderer(console, knobs, inputs, rate, frames, tmp_path)
    paths = [tmp_path / "kick_out.wav", tmp_path / "vox_out.wav"]
    renderer.render(paths, overwrite=False)
    assert renderer.bus_names() == ["reverb", "delay"]
    for name in renderer.bus_names():
        renderer.write_bus(name, tmp_path / f"{name}.wav", overwrite=False)
    tracks = torch.stack([torch.cat(list(track.blocks(rate, frames)), -1) for track in inputs])
    gains = torch.tensor([10 ** ((TRACK_LUFS - track.lufs) / 20) for track in inputs])
    with torch.no_grad():
        expected = console.stems((tracks * gains[:, None, None])[None], rate, knobs)
    for row, path in enumerate(paths):
        assert residual_db(read(path)[0], expected.tracks[0, row]) < -90
    for name, bus in expected.buses.items():
        assert residual_db(read(tmp_path / f"{name}.wav")[0], bus[0]) < -90
    assert residual_db(torch.cat(list(renderer.mix()), -1), expected.sum()[0]) < -90


def test_settings_of_an_earlier_mix_are_found_by_name_and_others_are_refused(folder, tmp_path):
    options = {"pans": {"kick": 0.5}, "muted": ["vox"], "mix_options": MixOptions(0.0)}
    first = AudioMixer().mix_tracks([folder], tmp_path / "1.wav", **options)
    again = AudioMixer().mix_tracks([folder], tmp_path / "2.wav", settings=first.settings)
    pans = {track["name"]: track["pan"] for track in again.settings["tracks"]}
    assert pans == pytest.approx({"bass.flac": 0.0, "kick.wav": 0.5, "vox.wav": 0.0}, abs=1e-6)
    unknown = {"tracks": [{"name": "gtr.wav"}]}
    with pytest.raises(ValueError, match=r"settings of .gtr\.wav.: the tracks are bass\.flac"):
        AudioMixer().mix_tracks([folder], tmp_path / "3.wav", settings=unknown)
    with pytest.raises(ValueError, match="settings or a model"):
        AudioMixer("last").mix_tracks([folder], tmp_path / "3.wav", settings=first.settings)


def test_a_model_sets_the_knobs(folder, tmp_path, compose):
    save_track_model(
        tmp_path / "model",
        compose("task=remix", "model.width=16", "model.layers=1", "loader.excerpt_s=1"),
    )
    mixer = AudioMixer(str(tmp_path / "model"))
    result = mixer.mix_tracks([folder], tmp_path / "mix.wav", reference=folder / "kick.wav")
    levels = [track["fader_db"] for track in result.settings["tracks"]]
    assert max(levels) - min(levels) > 0.1
    assert all(abs(track["low_shelf_db"]) < 1e-4 for track in result.settings["tracks"])


def test_muted_tracks_are_left_out(folder, tmp_path):
    result = AudioMixer().mix_tracks(
        [folder / "kick.wav", folder / "bass.flac"], tmp_path / "mix.wav", muted=["bass"]
    )
    assert [track["name"] for track in result.settings["tracks"]] == ["kick.wav"]
    assert "bass.flac is muted" in result.notes
    assert result.measurements.loudness_lufs == pytest.approx(-14.0, abs=0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"muted": ["kick", "bass", "vox", "spare"]}, "all tracks are muted"),
        ({"roles": {"kick": "tuba"}}, "--role kick=tuba: the roles are drums"),
        ({"pans": {"kick": 2.0}}, "--pan kick=2: must be −1"),
        ({"leads": ["cello"]}, "--lead cello: no track of this name: the tracks are bass.flac"),
    ],
)
def test_wrong_options_are_named(folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        AudioMixer().mix_tracks([folder], tmp_path / "mix.wav", **options)


def test_a_file_given_twice_is_refused_under_any_of_its_names(folder, tmp_path):
    for again in (folder / "kick.wav", folder / ".." / folder.name / "kick.wav", folder):
        with pytest.raises(ValueError, match=r"kick\.wav is given twice: give each track once"):
            AudioMixer().mix_tracks([folder / "kick.wav", again], tmp_path / "mix.wav")


def test_inputs_and_existing_files_are_never_overwritten(folder, tmp_path):
    with pytest.raises(OSError, match="is an input"):
        AudioMixer().mix_tracks([folder], folder / "kick.wav", force=True)
    (tmp_path / "mix.wav").touch()
    with pytest.raises(FileExistsError, match="--force"):
        AudioMixer().mix_tracks([folder], tmp_path / "mix.wav")
    with pytest.raises(OSError, match="is an input"):
        AudioMixer().mix_tracks([folder], tmp_path / "other.wav", stems=folder)


def test_a_song_without_sound_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="all tracks are silent"):
        AudioMixer().mix_tracks([folder / "spare.wav"], tmp_path / "mix.wav")
