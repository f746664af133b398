"""The mel bank beside torchaudio's: trained models must hear what they learned from."""

import pytest

from ai_mixer.models.mel import mel_bands
from ai_mixer.shims import torchaudio


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize(("n_fft", "n_mels"), [(2048, 96), (1024, 64)])
def test_the_bank_is_torchaudios_bit_for_bit(rate, n_fft, n_mels):
    theirs = torchaudio.functional.melscale_fbanks(
        n_fft // 2 + 1, 30.0, rate / 2, n_mels, rate, norm="slaney"
    )
    assert mel_bands(n_fft, 30.0, n_mels, rate).equal(theirs)
