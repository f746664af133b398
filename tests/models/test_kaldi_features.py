import pytest
import torch

from ai_mixer.models.kaldi_features import KaldiLogMel
from ai_mixer.utils.torchaudio_shim import torchaudio
from helpers.signals import noise, sine

RATE = 16000


def signals(samples):
    """[4, T]: noise with a DC offset, a sine of amplitude 30, an impulse, silence."""
    tone = sine(440, samples / RATE, RATE, level=30).float()
    impulse = torch.zeros(samples)
    impulse[samples // 2] = 1.0
    return torch.stack([noise(samples) + 0.3, tone, impulse, torch.zeros(samples)])


@pytest.mark.parametrize("samples", [400, 559, 560, RATE])
def test_equals_kaldi(samples):
    import torchaudio.compliance.kaldi as kaldi

    audio = signals(samples)
    expected = [
        kaldi.fbank(
            row[None],
            sample_frequency=RATE,
            num_mel_bins=128,
            window_type="hanning",
            htk_compat=True,
            use_energy=False,
            dither=0.0,
        ).T
        for row in audio
    ]
    assert kaldi.torchaudio is torchaudio  # with or without its native code
    torch.testing.assert_close(KaldiLogMel()(audio), torch.stack(expected), atol=1e-3, rtol=0)


def test_less_than_a_frame_is_padded_with_silence():
    audio = signals(100)
    padded = torch.nn.functional.pad(audio, (0, 300))
    torch.testing.assert_close(KaldiLogMel()(audio), KaldiLogMel()(padded))


def test_ten_times_the_amplitude_adds_20_db():
    """Natural logarithm of power: ln 100 = 4.605."""
    mel, audio = KaldiLogMel(), signals(RATE)[:1]
    used = mel.bands.any(0)  # the lowest filters contain no bin: always at the minimum
    assert used.sum() > 110
    change = (mel(10 * audio) - mel(audio))[:, used]
    torch.testing.assert_close(change, torch.full_like(change, 4.60517), atol=1e-3, rtol=0)
