"""The synthesiser: tuning, velocity, release, choking and pan."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ai_mixer.data.band.composer_style import rng_for
from ai_mixer.data.band.genres import GENRE_TABLE
from ai_mixer.data.band.score import Note, Part
from ai_mixer.data.band.soundfont import DRUM_BANK, VARIABLE, SoundFont, general_midi
from ai_mixer.data.band.synth import synthesise_parts

RATE = 22050
PROGRAMS = sorted(
    {p for g in GENRE_TABLE.values() for player in g.players for p in player.programs}
    | {p for g in GENRE_TABLE.values() for p in (*g.bass_programs, *g.lead.programs)}
)


def play(program: int, *notes: Note, seconds: float = 1.0, drums: bool = False) -> np.ndarray:
    return synthesise_parts(
        [Part("x", "other", program, list(notes), drums=drums)], int(seconds * RATE), RATE
    )


def cents_off(x: np.ndarray, key: int) -> float:
    """Deviation in cents at which six harmonics of the key have the most energy."""
    spectrum = np.abs(np.fft.rfft(x.mean(0)[2000:] * np.hanning(x.shape[1] - 2000), 1 << 18))
    hertz = 440.0 * 2.0 ** ((key - 69) / 12.0)

    def energy(cents: int) -> float:
        bins = hertz * 2.0 ** (cents / 1200.0) * np.arange(1, 7) / RATE * (1 << 18)
        return float(np.log(spectrum[np.round(bins).astype(int)] + 1e-9).sum())

    return max(range(-60, 61, 2), key=energy)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_instrument_is_in_tune(program: int) -> None:
    assert abs(cents_off(play(program, Note(0.0, 1.0, 60, 100)), 60)) <= 20


def test_no_notes_give_silence() -> None:
    assert not play(0, seconds=0.1).any()


def test_level_and_brightness_increase_with_velocity() -> None:
    soft, hard = (play(0, Note(0.0, 1.0, 60, v)) for v in (50, 110))
    assert 8.0 < 20 * np.log10(hard.std() / soft.std()) < 20.0

    def brightness(x: np.ndarray) -> float:
        power = np.square(np.abs(np.fft.rfft(x[0])))
        return float(power[3000:].sum() / power.sum())

    assert brightness(hard) > 1.2 * brightness(soft)


def test_released_notes_decay_and_held_notes_sustain() -> None:
    x = play(48, Note(0.0, 0.5, 60, 100), seconds=3.0)
    assert np.abs(x[:, int(0.3 * RATE) : int(0.5 * RATE)]).max() > 0.01
    assert np.abs(x[:, int(2.5 * RATE) :]).max() < 1e-3
    held = play(48, Note(0.0, 3.0, 60, 100), seconds=3.0)
    assert held[:, int(2.5 * RATE) :].std() > 0.3 * held[:, : int(0.5 * RATE)].std()


def test_closed_hi_hat_chokes_the_open_one() -> None:
    ringing = play(0, Note(0.0, 0.1, 46, 110), drums=True)
    choked = play(0, Note(0.0, 0.1, 46, 110), Note(0.1, 0.1, 42, 1), drums=True)
    tail = slice(int(0.2 * RATE), int(0.4 * RATE))
    assert choked[:, tail].std() < 0.2 * ringing[:, tail].std()


def test_audio_of_parts_is_the_sum_of_each() -> None:
    parts = [Part(str(p), "other", p, [Note(0.1, 0.5, 60, 90)], pan=0.3) for p in (0, 48)]
    together = synthesise_parts(parts, RATE, RATE)
    alone = sum(synthesise_parts([part], RATE, RATE) for part in parts)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_pan_changes_the_balance() -> None:
    left = synthesise_parts([Part("x", "other", 0, [Note(0.0, 0.5, 60, 90)], pan=-0.9)], RATE, RATE)
    assert left[0].std() > 3 * left[1].std()


def test_drum_strokes_peak_near_full_scale() -> None:
    for key in (36, 38, 42, 49):
        x = play(0, Note(0.0, 1.0, key, 127), drums=True)
        assert 0.2 < np.hypot(x[0], x[1]).max() < 1.5


def test_font_has_all_instruments() -> None:
    font = general_midi()
    assert all(font.zones(0, program, 60, 100) for program in PROGRAMS)
    assert all(font.zones(DRUM_BANK, kit, 38, 100) for g in GENRE_TABLE.values() for kit in g.kits)


def test_other_files_are_errors(tmp_path: Path) -> None:
    (tmp_path / "x.sf2").write_bytes(b"RIFF0000WAVE")
    with pytest.raises(ValueError, match=r"x\.sf2.*WAVE"):
        SoundFont(tmp_path / "x.sf2")


def test_a_font_without_its_tables_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "x.sf2"
    file.write_bytes(b"RIFF\0\0\0\0sfbk" + b"phdr\0\0\0\0")
    with pytest.raises(ValueError, match=r"x\.sf2: damaged: no chunk ibag, igen, .*, smpl$"):
        SoundFont(file)


def test_another_font_is_chosen_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uncached call, so that the other tests keep the default font."""
    read = general_midi.__wrapped__
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other.sf2"))
    with pytest.raises(ValueError, match=f"{VARIABLE}=.*other.sf2: no such file"):
        read()
    default = general_midi().path
    if not default.is_file():
        pytest.skip("pretty_midi is installed as an archive")
    (tmp_path / "other.sf2").write_bytes(default.read_bytes())
    assert read().path == tmp_path / "other.sf2"
    assert np.array_equal(read().samples, general_midi().samples)
    assert read().digest != general_midi().digest
    assert general_midi().digest == hashlib.sha256(general_midi().samples.tobytes()).hexdigest()


def test_a_missing_instrument_is_named() -> None:
    with pytest.raises(ValueError, match="no instrument in bank 7, program 1"):
        general_midi().zones(7, 1, 60, 100)


def test_named_generators_are_independent() -> None:
    one = rng_for(0, "drums", "rock", 1)
    rng_for(0, "bass", "rock", 1).random(100)
    assert one.random() == rng_for(0, "drums", "rock", 1).random()
