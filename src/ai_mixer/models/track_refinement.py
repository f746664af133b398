"""Refine predicted knobs of several tracks with the finished mix of the same excerpt (`paired`)."""

import torch

from ai_mixer.console import ConsoleGraph
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.models.track_features import TrackFeatureExtractor
from ai_mixer.models.track_fit import fit_mix
from ai_mixer.models.track_fit_descent import Prior
from ai_mixer.models.track_fit_problem import Point

PRIOR_STD = 0.25  # of a prediction without uncertainty
MIN_PRIOR_STD, MAX_PRIOR_STD = 0.05, 0.5
MIN_UNCERTAINTY = 1e-3
SILENT_POWER = 1e-12


@torch.no_grad()
def refine_batch(
    console: ConsoleGraph,
    features: TrackFeatureExtractor,
    batch: TrackBatch,
    prediction: Prediction,
) -> Prediction:
    """The prediction with the knobs of paired songs fitted through the console (`track_fit`).

    The prediction is the prior, with its uncertainty. Silent tracks keep it, and the master.
    """
    layout, tracks = console.layout, batch.tracks.shape[1]
    knobs = prediction.knobs.clone()
    uncertainty = (
        torch.full_like(knobs, PRIOR_STD)
        if prediction.uncertainty is None
        else prediction.uncertainty.clone()
    )
    size, buses = tracks * len(layout.strip), layout.bus_knobs
    paired = (batch.condition == CONDITIONS.index("paired")).nonzero()[:, 0].tolist()
    for row in paired:
        power = batch.tracks[row].square().mean((1, 2))
        heard = batch.track_mask[row] & (power > SILENT_POWER)
        if not heard.any() or batch.reference[row].square().mean() <= SILENT_POWER:
            continue
        audio = batch.tracks[row, heard].expand(-1, 2, -1).cpu()
        mix = batch.reference[row].cpu()
        own, own_std = (x[row, :size].view(tracks, -1) for x in (knobs, uncertainty))
        others, others_std = (x[row, size:] for x in (knobs, uncertainty))
        mean = Point(own[heard].cpu(), others[:buses].cpu())
        std = Point(own_std[heard].cpu(), others_std[:buses].cpu())
        prior = Prior(mean, Point(*(x.clamp(MIN_PRIOR_STD, MAX_PRIOR_STD) for x in std)))
        fit = fit_mix(console, audio, mix, batch.sample_rate, prior, features.identify(audio, mix))
        own[heard] = fit.positions.strips.to(own)
        others[:buses] = fit.positions.buses.to(others)
        own_std[heard] = fit.std.strips.to(own_std).clamp_min(MIN_UNCERTAINTY)
        others_std[:buses] = fit.std.buses.to(others_std).clamp_min(MIN_UNCERTAINTY)
    return Prediction(knobs, uncertainty if prediction.uncertainty is not None else None)
