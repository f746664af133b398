"""Augmentations of the finished version: what they change, by how much, and what they keep."""

import numpy as np
import pytest
import torch

from ai_mixer.augment.pitch_shift import PitchShift
from ai_mixer.augment.speed import Speed, frequency_ratio
from ai_mixer.augment.stem_remix import StemRemix, estimate_stem_gains
from ai_mixer.augment.time_stretch import TimeStretch
from ai_mixer.core.types import Excerpt
from ai_mixer.dsp.levels import crest_db, width_db
from ai_mixer.dsp.spectra import third_octave_db
from helpers.signals import noise as white_noise
from helpers.signals import sine

RATE = 44_100


def tone(hz):
    """1 s of a sine, equal in both channels: [2, T]."""
    return sine(hz, level=0.5).float().expand(2, -1)


def pitch_hz(audio):
    """Frequency of a sine: peak of a windowed spectrum, by a parabola through three bins."""
    x = audio[0].double().numpy()
    spectrum = np.log(np.abs(np.fft.rfft(x * np.hanning(len(x)), 4 * len(x))) + 1e-12)
    k = int(spectrum.argmax())
    a, b, c = spectrum[k - 1 : k + 2]
    return (k + (a - c) / (2 * (a - 2 * b + c))) * RATE / (4 * len(x))


def cents(hz, reference_hz):
    return 1200 * np.log2(hz / reference_hz)


def onsets_s(audio):
    """Onset times: treble energy in 2 ms above a tenth of its maximum, after 20 ms below."""
    block = round(0.002 * RATE)
    energy = audio.diff().diff().square().mean(0)
    energy = energy[: len(energy) // block * block].view(-1, block).mean(-1).numpy()
    (loud,) = np.nonzero(energy > 0.1 * energy.max())
    return loud[np.diff(loud, prepend=-100) > 10] * 0.002


def hit_energies(audio, tempo=1.0):
    """Treble energy around the time of each hit."""
    positions = [round((0.125 + 0.25 * n) / tempo * RATE) for n in range(8)]
    treble = audio.diff().diff().square()
    return [treble[:, position - 900 : position + 1800].sum() for position in positions]


@pytest.mark.parametrize("hz", [220.0, 1000.0, 5000.0])
@pytest.mark.parametrize("interval", [-100.0, 37.0, 100.0])
def test_speed_changes_pitch_and_tempo(hits, hz, interval):
    a, b = frequency_ratio(interval)
    assert cents(a / b, 1.0) == pytest.approx(interval, abs=2.0)
    step = Speed(probability=1.0)
    changed = step.process(tone(hz), RATE, (a, b))
    assert cents(pitch_hz(changed), hz * a / b) == pytest.approx(0.0, abs=0.5)
    before, after = onsets_s(hits), onsets_s(step.process(hits, RATE, (a, b)))
    np.testing.assert_allclose(after, before * b / a, atol=0.003)


@pytest.mark.parametrize("tempo", [0.9, 0.97, 1.04, 1.1])
def test_time_stretch_changes_only_the_tempo(hits, tempo):
    step = TimeStretch(probability=1.0)
    assert cents(pitch_hz(step.process(tone(440.0), RATE, tempo)), 440.0) == pytest.approx(0, abs=3)
    changed = step.process(hits, RATE, tempo)
    assert changed.shape[-1] == round(2 * RATE / tempo)
    before, after = onsets_s(hits) / tempo, onsets_s(changed)
    after = after[after < before[-1] + 0.1]
    assert len(after) == len(before)  # no hit is repeated or lost
    np.testing.assert_allclose(after, before, atol=0.025)
    for old, new in zip(hit_energies(hits), hit_energies(changed, tempo), strict=True):
        assert abs(10 * torch.log10(new / old)) < 0.5


@pytest.mark.parametrize("interval", [-200.0, -50.0, 120.0, 200.0])
def test_pitch_shift_changes_only_the_pitch(hits, interval):
    step, drawn = PitchShift(probability=1.0), frequency_ratio(interval)
    changed = step.process(tone(440.0), RATE, drawn)
    assert changed.shape == tone(440.0).shape
    assert cents(pitch_hz(changed), 440.0) == pytest.approx(interval, abs=4.0)
    before, after = onsets_s(hits), onsets_s(step.process(hits, RATE, drawn))
    assert len(after) == len(before)
    np.testing.assert_allclose(after, before, atol=0.025)


@pytest.mark.parametrize("step", [TimeStretch(), PitchShift()])
def test_crest_factor_and_stereo_width_are_kept(hits, noise, step):
    """A phase vocoder would smear the hits: the crest factor would drop by several dB."""
    for seed in range(3):
        drawn = step.draw_parameters(np.random.default_rng(seed))
        changed = step.process(hits, RATE, drawn)
        crests = [crest_db(x[None]) for x in (hits, changed)]
        assert abs(crests[1] - crests[0]) < 1.0
        widths = [width_db(x[None]) for x in (noise, step.process(noise, RATE, drawn))]
        torch.testing.assert_close(*widths, atol=0.5, rtol=0)


def test_time_stretch_keeps_the_spectrum(noise):
    changed = TimeStretch().process(noise, RATE, 0.93)
    before, after = (third_octave_db(x[None], RATE)[..., 5:] for x in (noise, changed))
    torch.testing.assert_close(after, before, atol=1.5, rtol=0)


def test_stem_gains_are_estimated():
    stems = white_noise(4, 2, RATE // 2)
    gains = torch.tensor([[1.0, 0.5], [0.3, 0.9], [2.0, 2.0], [0.0, 0.0]])
    stems[3] = 0.0
    mix = (gains[..., None] * stems).sum(0)
    torch.testing.assert_close(estimate_stem_gains(mix, stems), gains, atol=1e-4, rtol=0)


def test_stem_remix_is_the_sum_of_the_stems_with_the_drawn_gains():
    stems = white_noise(3, 2, RATE // 2)
    names = ["bass", "drums", "vocals"]
    read = {name: (lambda n=n: stems[n]) for n, name in enumerate(names)}
    step = StemRemix(6.0, probability=1.0)
    drawn = step.draw(np.random.default_rng(0))
    remixed = step.prepare(Excerpt(stems.sum(0), RATE, dict(reversed(read.items()))), drawn).audio
    gains = 10 ** (torch.tensor(drawn[:3]).float() / 20)
    assert gains.log10().abs().max() * 20 <= 6.0
    torch.testing.assert_close(remixed, (gains[:, None, None] * stems).sum(0), atol=1e-4, rtol=0)


def test_stem_remix_without_stems_is_the_identity(noise):
    step = StemRemix(probability=1.0)
    excerpt = Excerpt(noise, RATE, {})
    assert step.prepare(excerpt, step.draw(np.random.default_rng(0))) is excerpt
