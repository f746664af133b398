"""A mix of several tracks as a DAWproject."""

import os
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.console import load_console
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.plugin.presets import read_preset
from ai_mixer.plugin.track_project import project_paths, track_project, write_track_project
from helpers.measures import residual_db
from helpers.tracks import write

RATE = 44_100


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Result of three tracks of which one is mono, with sends, and their files."""
    root = tmp_path_factory.mktemp("song")
    files = [root / name for name in ("kick.wav", "bass.wav", "lead vox.wav")]
    write(files[0], 0, seconds=1.5)
    write(files[1], 1, seconds=1.5, channels=1)
    write(files[2], 2, seconds=1.5, pan=-0.5)
    result = AudioMixer().mix_tracks(
        files, root / "mix.wav", pans={"kick": 0.3}, leads=["lead vox.wav"], target_lufs=-30.0
    )
    return result, files


def opened(path):
    with zipfile.ZipFile(path) as archive:
        return Xml.fromstring(archive.read("project.xml")), set(archive.namelist())


def test_tracks_start_where_they_start_in_the_mix(mixed, tmp_path):
    result, files = mixed
    result = result._replace(output=tmp_path / "mix.wav", starts_s={"bass.wav": 12.5})
    path, rpp = write_track_project(result, files, overwrite=False)
    clips = {
        lanes.get("track"): float(lanes.find("Clips/Clip").get("time"))
        for lanes in opened(path)[0].iter("Lanes")
        if lanes.get("track")
    }
    assert clips == {"track-track1": 0.0, "track-track2": 12.5, "track-track3": 0.0}
    lines = rpp.read_text().splitlines()
    assert [line.split()[1] for line in lines if "POSITION" in line] == ["0", "12.5", "0"]


def test_tracks_have_strips_faders_and_files(mixed, tmp_path):
    result, files = mixed
    path, _ = paths = write_track_project(result, files, overwrite=True)
    assert paths == project_paths(result.output)
    project, names = opened(path)
    channels = {channel.get("id"): channel for channel in project.iter("Channel")}
    assert list(channels) == [
        *(f"channel-track{number}" for number in (1, 2, 3)),
        *("channel-reverb", "channel-delay", "channel-master"),
    ]
    for number, track in enumerate(result.settings["tracks"], 1):
        channel = channels[f"channel-track{number}"]
        fader = float(channel.find("Volume").get("value"))
        assert 20 * np.log10(fader) == pytest.approx(track["fader_db"])
        state = channel.find("Devices/Vst3Plugin/State").get("path")
        with zipfile.ZipFile(path) as archive:
            archive.extract(state, tmp_path)
        settings = read_preset(tmp_path / state).settings
        assert settings.pop("fader_db") == 0.0
        assert settings == {name: track[name] for name in settings}
    roles = [channel.get("role") for channel in channels.values()]
    assert roles == ["regular"] * 3 + ["effect"] * 2 + ["master"]
    paths = {element.get("path") for element in project.iter() if element.get("path")}
    assert paths <= names
    assert channels["channel-reverb"].find("Devices/Vst3Plugin").get("deviceName") == (
        "ai_mixer Reverb"
    )


def test_sends_go_to_the_buses(mixed):
    result, files = mixed
    first, *others = result.settings["tracks"]
    settings = {**result.settings, "tracks": [{**first, "reverb_send": 0.25}, *others]}
    project = track_project(result._replace(settings=settings), files)
    assert project.tracks[0].sends == {"reverb": 0.25}
    assert project.tracks[1].sends == {}
    written, _ = write_track_project(result._replace(settings=settings), files, overwrite=True)
    (send,) = opened(written)[0].iter("Send")
    assert send.get("destination") == "channel-reverb"
    assert float(send.find("Volume").get("value")) == 0.25


def test_it_is_valid_against_the_published_schema(mixed):
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    schema = Path(os.environ.get("AI_MIXER_MUSIC", "/none")).parent / "dawproject" / "Project.xsd"
    if not schema.is_file():
        pytest.skip("no schema of DAWproject beside the folder AI_MIXER_MUSIC")
    result, files = mixed
    path, _ = write_track_project(result, files, overwrite=True)
    with zipfile.ZipFile(path) as archive:
        document = etree.fromstring(archive.read("project.xml"))
    rules = etree.XMLSchema(etree.parse(schema))
    assert rules.validate(document), rules.error_log


def test_reaper_project_is_read_by_another_parser(sent):
    rpp = pytest.importorskip("rpp", reason="rpp is not installed")
    result, files, _ = sent
    _, path = write_track_project(result, files, overwrite=True)
    project = rpp.loads(path.read_text())
    tracks = project.findall("TRACK")
    names = [track.find("NAME")[1] for track in tracks]
    assert names == ["kick", "bass", "lead vox", "Reverb", "Delay"]
    settings = result.settings["tracks"]
    for track, own in zip(tracks, settings, strict=False):
        assert 20 * np.log10(float(track.find("VOLPAN")[1])) == pytest.approx(own["fader_db"])
        item = track.find("ITEM")
        gain_db = 20 * np.log10(float(item.find("VOLPAN")[1]))
        assert gain_db == pytest.approx(result.gains_db[own["name"]])
        assert (path.parent / item.find("SOURCE").find("FILE")[1]).is_file()
        assert track.find("FXCHAIN").find("CLAP").attrib[1] == "ai-mixer.strip"
    received = [[line[1], float(line[3])] for line in tracks[3].findall("AUXRECV")]
    assert received == [["0", 0.4], ["1", 0.1]]
    assert project.find("MASTERFXLIST").find("CLAP").attrib[1] == "ai-mixer.mastering"


def test_an_existing_project_is_kept(mixed):
    result, files = mixed
    write_track_project(result, files, overwrite=True)
    with pytest.raises(FileExistsError, match="exists"):
        write_track_project(result, files, overwrite=False)


@pytest.fixture
def sent(mixed):
    """A result with filters, sends and a master, and the mix that the console gives."""
    result, files = mixed
    first, second, third = result.settings["tracks"]
    settings = {
        **result.settings,
        "tracks": [
            {**first, "peak1_db": 4.0, "reverb_send": 0.4},
            {**second, "compressor_ratio": 3.0, "delay_send": 0.3, "reverb_send": 0.1},
            {**third, "pan": 0.5},
        ],
        "master": {**result.settings["master"], "low_shelf_gain": 2.0, "level": 0.9},
    }
    console = load_console("studio")
    tracks = []
    for track in settings["tracks"]:
        (path,) = [file for file in files if file.name == track["name"]]
        audio = soundfile.read(path, dtype="float32", always_2d=True)[0].T
        gain = 10.0 ** (result.gains_db[track["name"]] / 20.0)
        tracks.append(torch.from_numpy(audio * np.float32(gain)).expand(2, -1))
    knobs = console.knobs_from(settings)
    mix = console(torch.stack(tracks)[None], RATE, knobs, limit=False)[0]
    return result._replace(settings=settings), files, 10 ** (result.gain_db / 20) * mix.numpy()


def play(channel, audio, hosted, folder):
    """The output of a channel behind its fader: its plug-in in a bare host, without latency."""
    plugin, settings = read_preset(folder / channel.find("Devices/Vst3Plugin/State").get("path"))
    host = hosted(plugin.console)
    events = [host.event(name, value) for name, value in settings.items()]
    latency = plugin.chain.stream(RATE, 128, channels=2).latency_samples
    padded = np.pad(audio, ((0, 0), (0, latency)))
    played, _ = host.play(padded, 2, [*events, f"process {padded.shape[1]}"], RATE)
    return played[:, latency:] * float(channel.find("Volume").get("value"))


@pytest.mark.slow
@pytest.mark.parametrize("hosted", ["clap"], indirect=True)
def test_the_numbers_of_the_project_give_the_mix(sent, hosted, tmp_path):
    """Files, strips, faders, sends, buses and master as a DAW plays them."""
    result, files, wanted = sent
    path, _ = write_track_project(result, files, overwrite=True)
    project, _ = opened(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    audio_of = {
        lane.get("track").removeprefix("track-"): tmp_path / lane.find(".//File").get("path")
        for lane in project.iter("Lanes")
        if lane.get("track")
    }
    sums = {name: np.zeros_like(wanted) for name in ("reverb", "delay", "master")}
    for channel in project.iter("Channel"):
        key = channel.get("id").removeprefix("channel-")
        if key in audio_of:
            audio = soundfile.read(audio_of[key], dtype="float32", always_2d=True)[0].T
            audio = np.broadcast_to(audio, wanted.shape)
        else:
            audio = sums[key]
        played = play(channel, audio, hosted, tmp_path)
        for send in channel.iter("Send"):
            bus = send.get("destination").removeprefix("channel-")
            sums[bus] = sums[bus] + float(send.find("Volume").get("value")) * played
        if key != "master":
            sums["master"] = sums["master"] + played
    assert residual_db(played, wanted) <= -90
