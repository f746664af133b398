import math

import pytest
import torch

from ai_mixer.models.kaldi_features import KaldiLogMel
from ai_mixer.utils.torchaudio_shim import torchaudio

RATE = 16000


def sounds(samples):
    """[4, T]: noise on an offset, a tone 30 × over full scale, a click, silence."""
    noise = 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(0)) + 0.3
    tone = 30 * torch.sin(2 * math.pi * 440 * torch.arange(samples) / RATE)
    click = torch.zeros(samples)
    click[samples // 2] = 1.0
    return torch.stack([noise, tone, click, torch.zeros(samples)])


@pytest.mark.parametrize("samples", [400, 559, 560, RATE])
def test_equals_kaldi(samples):
    import torchaudio.compliance.kaldi as kaldi

    audio = sounds(samples)
    alone = [
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
    torch.testing.assert_close(KaldiLogMel()(audio), torch.stack(alone), atol=1e-3, rtol=0)


def test_less_than_a_frame_is_padded_with_silence():
    audio = sounds(100)
    padded = torch.nn.functional.pad(audio, (0, 300))
    torch.testing.assert_close(KaldiLogMel()(audio), KaldiLogMel()(padded))


def test_ten_times_louder_is_20_db_more():
    """Natural logarithm of power: ln 100 = 4.605."""
    mel, noise = KaldiLogMel(), sounds(RATE)[:1]
    heard = mel.bands.any(0)  # the lowest triangles fall between two bins: always at the floor
    assert heard.sum() > 110
    more = (mel(10 * noise) - mel(noise))[:, heard]
    torch.testing.assert_close(more, torch.full_like(more, 4.60517), atol=1e-3, rtol=0)
