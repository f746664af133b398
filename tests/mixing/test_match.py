"""Settings estimated by `match` between two versions of a song."""

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import write_audio
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.inference.knob_fitting import KnobFit
from ai_mixer.mixing import console_cache
from ai_mixer.mixing import match as matching
from ai_mixer.mixing.match import match
from ai_mixer.mixing.measurements import measure
from helpers.datasets import small_song
from helpers.signals import noise

pytestmark = pytest.mark.usefixtures("packaged_models")
RATE = 44_100


@pytest.fixture
def matched(music, tmp_path):
    """Factory: settings → those estimated between a song and its mix with these settings."""

    def estimated(**settings):
        console = console_cache.shared_console()
        mix = console(music[None], RATE, console.knobs_from(settings), limit=False)[0]
        for name, audio in (("rough", music), ("finished", mix)):
            path = tmp_path / f"{name}.wav"
            write_audio(path, [audio], RATE, 2, audio.shape[1], source_subtype="FLOAT")
        rough, finished = tmp_path / "rough.wav", tmp_path / "finished.wav"
        return match(AudioMixer(), rough, finished, force=True).preset.sections[0].settings

    return estimated


def test_idle_compressor_is_off_and_input_gain_is_one(matched, monkeypatch):
    """A fit may split the level into two gains, such as −11 dB and +11 dB on one real song."""
    split = {"low_eq": 2.0, "input_gain": 0.3, "compressor_ratio": 1.02, "output_level": 0.8 / 0.3}
    fit = KnobFit(console_cache.shared_console().knobs_from(split), torch.tensor([0.01]))
    monkeypatch.setattr(matching, "fit_knobs", lambda *_: fit)
    settings = matched(low_eq=2.0, output_level=0.8)
    assert settings["compressor_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert settings["input_gain"] == pytest.approx(1.0, abs=1e-4)
    assert settings["low_eq"] == pytest.approx(2.0, abs=0.05)
    assert settings["output_level"] == pytest.approx(0.8, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("echo", "room", "kept"), [(0.02, 0.05, False), (0.0, 0.4, True)])
def test_a_codec_is_no_room(matched, monkeypatch, echo, room, kept):
    """A codec smears in time, which a fit takes for some room; a real one is kept."""
    fitted = {"low_eq": 2.0, "delay": echo, "reverb": room}
    knobs = console_cache.shared_console().knobs_from(fitted)
    monkeypatch.setattr(matching, "fit_knobs", lambda *_: KnobFit(knobs, torch.tensor([0.5])))
    settings = matched(**(fitted if kept else {"low_eq": 2.0}))
    assert settings["delay"] == 0.0
    assert (settings["reverb"] > 0.3) is kept


@pytest.mark.slow
def test_active_compressor_is_estimated(matched):
    settings = matched(input_gain=2.0, compressor_ratio=4.0)
    assert settings["compressor_ratio"] > 2.0


@pytest.fixture(scope="module")
def versions():
    """[C, T] float32: 9 s of a song, and its version with other settings."""
    song = torch.from_numpy(np.concatenate([small_song(n) for n in range(3)]).T).float() * 0.5
    console = console_cache.shared_console()
    settings = {"low_eq": 3.0, "high_eq": -2.0, "output_level": 0.8}
    return song, console(song[None], RATE, console.knobs_from(settings), limit=False)[0]


def match_files(folder, rough, finished):
    for name, audio in (("rough", rough), ("finished", finished)):
        soundfile.write(folder / f"{name}.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    return match(AudioMixer(), folder / "rough.wav", folder / "finished.wav", force=True)


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [1.5, -1.5])
def test_finished_version_with_another_start_is_matched(versions, tmp_path, delay_s):
    rough, finished = versions
    frames = round(delay_s * RATE)
    silence = torch.zeros(2, abs(frames))
    finished = torch.cat([silence, finished], -1) if frames > 0 else finished[:, -frames:]
    result = match_files(tmp_path, rough, finished)
    assert f"starts {abs(delay_s):.3f} s {'later' if delay_s > 0 else 'earlier'}" in result.notes[0]
    assert result.preset.settings["low_eq"] == pytest.approx(3.0, abs=0.2)
    assert result.preset.settings["high_eq"] == pytest.approx(-2.0, abs=0.2)


@pytest.mark.parametrize(
    ("mono", "channels"),
    [
        ("finished", 1),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [("rough", 1), ("finished", 2), ("both", 1)]
        ),
    ],
)
def test_mono_version_is_matched_as_its_twin_on_two_channels(versions, tmp_path, mono, channels):
    pair = dict(zip(("rough", "finished"), versions, strict=True))
    for name in ("rough", "finished") if mono == "both" else (mono,):
        pair[name] = pair[name].mean(0, keepdim=True).repeat(channels, 1)
    result = match_files(tmp_path, **pair)
    assert "reference" not in result.notes[0]
    assert "width was not matched" in result.notes[0]
    assert result.preset.settings["low_eq"] == pytest.approx(3.0, abs=0.2)
    assert result.preset.settings["stereo_width"] == 1.0
    twin = pair["finished"].expand(2, -1)[None]
    assert result.after.loudness_lufs == pytest.approx(float(loudness_lufs(twin, RATE)), abs=0.1)


@pytest.mark.slow
def test_a_width_beyond_the_range_of_the_knob_is_reached(versions, tmp_path, monkeypatch):
    """Narrowed to 30 %: the knob ends at 2.5, which leaves 2.5 dB to the equaliser of the side."""
    fit = KnobFit(console_cache.shared_console().knobs_from({"stereo_width": 2.5}), torch.ones(1))
    monkeypatch.setattr(matching, "fit_knobs", lambda *_: fit)
    finished = versions[0]
    mid, side = finished.sum(0) / 2, (finished[0] - finished[1]) / 2
    rough = torch.stack([mid + 0.3 * side, mid - 0.3 * side])
    result = match_files(tmp_path, rough, finished)
    assert result.preset.settings["stereo_width"] == pytest.approx(2.5, abs=0.01)
    width_db = measure([finished], RATE).width_db
    assert result.before.width_db < width_db - 10
    assert result.after.width_db == pytest.approx(width_db, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("gain_db", [-90])
def test_mix_is_as_loud_as_a_quiet_finished_version(versions, tmp_path, gain_db):
    rough, finished = versions
    finished = 10 ** (gain_db / 20) * finished
    result = match_files(tmp_path, rough, finished)
    expected = measure([finished], RATE).mean_lufs
    assert result.after.mean_lufs == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
def test_hot_finished_version_is_no_reason_to_limit(versions, tmp_path):
    rough, finished = versions
    result = match_files(tmp_path, rough, 8 * finished)
    assert result.after.crest_db == pytest.approx(measure([finished], RATE).crest_db, abs=0.6)
    assert not any("target" in note for note in result.notes)


@pytest.mark.slow
def test_same_recording_that_no_settings_reach_is_named_so(versions, tmp_path):
    rough = versions[0][:, : 3 * RATE]
    result = match_files(tmp_path, rough, rough * torch.tensor([[1.0], [-1.0]]))
    assert "the same recording, but no settings" in result.notes[0]
    assert "used as a reference" in result.notes[0]


def test_silent_finished_version_is_refused(versions, tmp_path):
    with pytest.raises(ValueError, match=r"finished\.wav: the finished version is silent"):
        match_files(tmp_path, versions[0], torch.zeros(2, 3 * RATE))
    assert not (tmp_path / "rough_matched.wav").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.9])
def test_reference_that_is_too_short_moves_no_knob(versions, tmp_path, seconds):
    neutral = {name: knob.neutral for name, knob in console_cache.knobs_by_name().items()}
    song = versions[0]
    result = match_files(tmp_path, song, noise(2, seconds=seconds))
    assert result.preset.settings == neutral
    assert "no knob was moved" in result.notes[0]
    mixed = AudioMixer().mix_file(
        tmp_path / "rough.wav", reference=tmp_path / "finished.wav", force=True
    )
    assert mixed.preset.settings == neutral
    assert f"only {seconds} s of finished.wav" in mixed.notes[0]


def test_silent_reference_is_refused(versions, tmp_path):
    soundfile.write(tmp_path / "song.wav", versions[0].T.numpy(), RATE)
    soundfile.write(tmp_path / "ref.wav", np.zeros((3 * RATE, 2)), RATE)
    with pytest.raises(ValueError, match=r"ref\.wav: nothing of it"):
        AudioMixer().mix_file(tmp_path / "song.wav", reference=tmp_path / "ref.wav")
    assert {path.name for path in tmp_path.iterdir()} == {"song.wav", "ref.wav"}
