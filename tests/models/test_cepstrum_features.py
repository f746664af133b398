import torch

from ai_mixer.models.cepstrum_features import PAIRED, CepstrumFeatures
from ai_mixer.models.unique_rows import UniqueRows
from helpers.signals import noise

RATE = 44100
SOUND = noise(1, 2, 5 * RATE)


def with_echo(audio, delay, wet):
    out = (1 - wet) * audio
    out[..., delay:] += wet * audio[..., :-delay]
    return out


def profiles(rough, reference, condition=PAIRED):
    """Features [3 profiles, 2, bands], and the edges of the lag bands in samples."""
    extractor = CepstrumFeatures(RATE)
    features = extractor(UniqueRows(rough), UniqueRows(reference), torch.tensor([condition]))
    return features[0].view(3, 2, -1), extractor.edges


def test_an_echo_is_the_maximum_at_its_lag():
    delay = 12_000
    features, edges = profiles(SOUND, with_echo(SOUND, delay, 0.3))
    band = int((edges <= delay).sum()) - 1
    rough, reference, response = features[:, 1]  # peak energy of each band
    assert reference.argmax() == band
    assert response.argmax() == band
    assert rough.argmax() != band or rough[band] < 0


def test_peak_grows_with_the_level_of_the_echo():
    peaks = [
        float(profiles(SOUND, with_echo(SOUND, 12_000, wet))[0][2, 1].max())
        for wet in (0.05, 0.1, 0.2, 0.4)
    ]
    assert peaks == sorted(peaks)


def test_impulse_response_does_not_depend_on_level():
    quiet, _ = profiles(0.1 * SOUND, 0.05 * with_echo(SOUND, 12_000, 0.3))
    loud, _ = profiles(SOUND, with_echo(SOUND, 12_000, 0.3))
    torch.testing.assert_close(quiet[2], loud[2], atol=0.02, rtol=0)


def test_impulse_response_only_when_paired():
    features, _ = profiles(SOUND, with_echo(SOUND, 12_000, 0.3), condition=1)
    assert (features[2] == 0).all()
