"""The evidence model: what is normal stays, what is abnormal is corrected."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.sound_profile import profile_names
from ai_mixer.models.closed_form import FitExamples
from ai_mixer.models.evidence import Evidence
from ai_mixer.models.evidence_fit import regression_examples
from ai_mixer.models.profile_regression import ProfileRegression
from ai_mixer.tracking.int8 import dequantize, quantize

RATE, KNOBS, N = 44100, 3, 400
SIZE = len(profile_names(RATE))
BLIND, REFERENCE = (torch.full((N,), CONDITIONS.index(name)) for name in ("blind", "reference"))


def examples(seed=0):
    """Songs that differ little in knob 0, much in knob 1, and knob 2 is inaudible."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    response = torch.zeros(KNOBS, SIZE)
    response[0, :10], response[1, 10:20] = 12.0, 12.0
    finished = normal(N, SIZE) + 0.5 * normal(N, 1) * response[1]
    knobs = torch.rand(N, KNOBS, generator=generator)
    damage = 0.4 * normal(N, KNOBS).sign() * torch.rand(N, KNOBS, generator=generator)
    damage *= torch.nn.functional.one_hot(torch.arange(N) % 2, KNOBS)
    return FitExamples(
        finished=finished,
        songs=torch.arange(N),
        reference=finished + 0.1 * normal(N, SIZE),
        rough=finished - (knobs - 0.5) @ response,
        knobs=knobs,
        mask=torch.ones_like(knobs, dtype=torch.bool),
        damaged=finished - damage @ response,
    ), damage


@pytest.fixture(scope="module")
def fitted():
    model = Evidence(KNOBS, RATE, real_share=1.0, regression_share=0.0)
    model.fit(examples()[0], torch.full((KNOBS,), 0.5))
    return model


def corrections(model, songs, reference, condition):
    return model.correction(songs, reference, condition)


def test_damage_is_corrected_where_songs_do_not_differ(fitted):
    songs, damage = examples(1)
    found = corrections(fitted, songs.damaged, songs.damaged, BLIND)
    for knob, least in ((0, 0.9), (1, 0.0)):
        wrong = damage[:, knob].abs() > 0.1
        kept = (found - damage)[wrong, knob].square().mean() / damage[wrong, knob].square().mean()
        assert 1 - kept > least
    assert found[:, 2].abs().max() < 0.01


def test_what_is_normal_is_left_alone(fitted):
    songs, damage = examples(1)
    moved = corrections(fitted, songs.finished, songs.finished, BLIND).abs().amax(1)
    mended = corrections(fitted, songs.damaged, songs.damaged, BLIND)[:, 0].abs()
    assert moved.median() < 0.05
    assert mended[damage[:, 0].abs() > 0.2].min() > 2 * moved.median()


def test_a_reference_tells_the_song_from_the_damage(fitted):
    songs, damage = examples(1)
    blind, informed = (
        (corrections(fitted, songs.damaged, songs.reference, condition) - damage)[:, 1].abs().mean()
        for condition in (BLIND, REFERENCE)
    )
    assert informed < 0.5 * blind


def test_a_lower_prior_moves_less():
    songs, _ = examples(1)
    moved = []
    for probability in (0.05, 0.5, 0.95):
        model = Evidence(KNOBS, RATE, damage_probability=probability, regression_share=0.0)
        model.fit(examples()[0], torch.full((KNOBS,), 0.5))
        moved.append(float(corrections(model, songs.finished, songs.finished, BLIND).abs().mean()))
    assert moved == sorted(moved)
    assert moved[0] < 0.5 * moved[2]


def test_small_corrections_are_not_made():
    model = Evidence(KNOBS, RATE, min_correction=0.1)
    model.fit(examples()[0], torch.full((KNOBS,), 0.5))
    songs, _ = examples(1)
    made = corrections(model, songs.damaged, songs.damaged, BLIND)
    largest = made.abs().amax(1)
    assert ((largest == 0) | (largest >= 0.1)).all()
    assert (largest == 0).any()


def test_the_regression_counts_by_its_share_without_a_reference_only(fitted):
    songs, _ = examples(1)
    parts = {}
    for share in (0.0, 0.5, 1.0):
        model = Evidence(KNOBS, RATE, regression_share=share)
        model.load_state_dict(fitted.state_dict())
        parts[share] = [
            corrections(model, songs.damaged, songs.reference, condition)
            for condition in (BLIND, REFERENCE)
        ]
    limits = torch.full((KNOBS,), 0.5)
    regressed = fitted.regression(songs.damaged).clamp(-limits, limits)
    torch.testing.assert_close(parts[1.0][0], regressed)
    torch.testing.assert_close(parts[0.5][0], (parts[0.0][0] + regressed) / 2, atol=0.02, rtol=0.0)
    assert torch.equal(parts[0.0][1], parts[1.0][1])


def test_the_regression_learns_what_is_not_linear():
    generator = torch.Generator().manual_seed(0)
    profiles = torch.randn(600, 3, generator=generator)
    offsets = profiles[:, :1].square() - 1.0
    regression = ProfileRegression(3, 1, 400)
    assert not regression(profiles).any()
    regression.fit(profiles[:400], offsets[:400])
    error = (regression(profiles[400:]) - offsets[400:]).square().mean()
    assert error < 0.2 * offsets[400:].square().mean()


def test_the_regression_equals_kernel_ridge_regression():
    from sklearn.kernel_ridge import KernelRidge

    generator = torch.Generator().manual_seed(1)
    profiles, offsets = (torch.randn(50, n, generator=generator) for n in (4, 2))
    regression = ProfileRegression(4, 2, 80)
    regression.fit(profiles, offsets)
    x = (profiles - profiles.mean(0)) / profiles.std(0)
    other = KernelRidge(kernel="rbf", gamma=2.0 / 4, alpha=1.0).fit(x.numpy(), offsets.numpy())
    torch.testing.assert_close(
        regression(profiles), torch.from_numpy(other.predict(x.numpy())).float(), atol=1e-4, rtol=0
    )


def test_the_regression_has_roughs_by_their_share():
    songs, _ = examples()
    counts = [
        len(regression_examples(songs, torch.full((KNOBS,), 0.5), share)[0]) - 2 * N
        for share in (1.0, 0.75, 0.0)
    ]
    assert counts == [0, N // 4, N]


def test_eight_bits_keep_the_decisions():
    """Knobs within a hundredth of their range, as packaged models are stored."""
    model = Evidence(KNOBS, RATE, n_damages=N, n_support=2 * N)
    model.fit(examples()[0], torch.full((KNOBS,), 0.5))
    packed = Evidence(KNOBS, RATE, n_damages=N, n_support=2 * N)
    packed.load_state_dict(dequantize(quantize(model.state_dict())))
    songs, _ = examples(1)
    for condition in (BLIND, REFERENCE):
        found = [
            corrections(one, songs.damaged, songs.reference, condition) for one in (model, packed)
        ]
        torch.testing.assert_close(*found, atol=0.01, rtol=0.0)


def test_a_fitted_model_is_saved_whole_and_no_longer_trained(fitted):
    other = Evidence(KNOBS, RATE, regression_share=0.0)
    other.load_state_dict(fitted.state_dict())
    audio = 0.1 * torch.randn(1, 2, RATE, generator=torch.Generator().manual_seed(0))
    blind = BLIND[:1]
    assert torch.equal(other(audio, audio, blind), fitted(audio, audio, blind))
    fitted(audio, audio, blind).sum().backward()
    assert not fitted.offset.grad.any()


def test_shares_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match="damage_probability must be 0 to 1"):
        Evidence(KNOBS, RATE, damage_probability=1.5)
