"""Level features: loudness, loudness range, true peak, RMS and crest."""

from torch import Tensor

from ai_mixer.core.units import ratio_to_db
from ai_mixer.dsp.levels import crest_db, rms_db
from ai_mixer.dsp.loudness import loudness_lufs, loudness_range_lu
from ai_mixer.dsp.true_peak import true_peak


def levels(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Compute loudness (LUFS), loudness range (LU), true peak (dBTP), RMS and crest (dB).

    audio: [C, T]; mono counts as two equal channels.
    """
    x = audio.expand(2, -1)[None]
    return {
        "loudness_lufs": loudness_lufs(x, sample_rate).item(),
        "loudness_range_lu": loudness_range_lu(x, sample_rate).item(),
        "true_peak_db": ratio_to_db(true_peak(x)).item(),
        "rms_db": rms_db(x).item(),
        "crest_db": crest_db(x).item(),
    }
