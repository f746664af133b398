"""Log-mel bands as the speech toolkit Kaldi computes them, for batches.

Input of networks pretrained on `kaldi.fbank`: frames of 25 ms every 10 ms with their mean removed,
pre-emphasis 0.97, a Hann window, power in triangular filters on Kaldi's mel scale, natural
logarithm. Povey et al., "The Kaldi Speech Recognition Toolkit", ASRU 2011.
`torchaudio.compliance.kaldi` does the same for one recording at a time; its filters are used here.
"""

import math

import torch
from torch import Tensor, nn

from ai_mixer.dsp.spectra import power
from ai_mixer.utils.torchaudio_shim import torchaudio

FRAME_S, HOP_S = 0.025, 0.010
LOWEST_HZ = 20.0
PRE_EMPHASIS = 0.97


class KaldiLogMel(nn.Module):
    """Mono [B, T] at `sample_rate` → [B, n_mels, frames], natural logarithm of power.

    Audio shorter than a frame is padded with silence.
    """

    window: Tensor
    bands: Tensor

    def __init__(self, sample_rate: int = 16000, n_mels: int = 128) -> None:
        super().__init__()
        self.frame, self.hop = round(FRAME_S * sample_rate), round(HOP_S * sample_rate)
        self.n_fft = 2 ** math.ceil(math.log2(self.frame))
        window = torch.hann_window(self.frame, periodic=False)
        self.register_buffer("window", window, persistent=False)
        # LOWEST_HZ to Nyquist, without the Nyquist bin; the last three: no vocal-tract warping.
        bands, _ = torchaudio.compliance.kaldi.get_mel_banks(
            n_mels, self.n_fft, sample_rate, LOWEST_HZ, 0.0, 100.0, -500.0, 1.0
        )
        self.register_buffer("bands", nn.functional.pad(bands, (0, 1)).T, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Bands of all 1 + (T − frame) // hop complete frames."""
        audio = nn.functional.pad(audio, (0, max(0, self.frame - audio.shape[-1])))
        frames = audio.unfold(-1, self.frame, self.hop)
        frames = frames - frames.mean(-1, keepdim=True)
        delayed = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        spectra = torch.fft.rfft((frames - PRE_EMPHASIS * delayed) * self.window, n=self.n_fft)
        energy = power(spectra) @ self.bands  # [B, frames, n_mels]
        return energy.clamp_min(torch.finfo(torch.float32).eps).log().transpose(1, 2)
