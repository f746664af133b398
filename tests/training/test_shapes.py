"""Shapes from dataset to loss: B songs, C channels, T samples, P knobs."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.training.builders import build_components

SMALL = ["model=baseline_cnn", "model.channels=8", "loader.excerpts_per_song=3", "loader.workers=0"]


@pytest.mark.slow
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_shapes_from_dataset_to_loss(B, seconds, compose, songs_folder):
    overrides = [
        f"loader.batch_size={B}",
        f"loader.excerpt_s={seconds}",
        f"data.root={songs_folder}",
    ]
    console, data, system = build_components(compose("data=folder", *SMALL, *overrides))
    C, T, P = 2, round(seconds * 44100), len(console.knobs)

    batch = next(iter(data.train_dataloader()))
    assert len(batch) == len(batch.song_id) == B
    for audio in (batch.rough, batch.finished, batch.reference):
        assert audio.shape == (B, C, T)
        assert audio.dtype == torch.float32
    assert batch.condition.shape == batch.genre.shape == (B,)
    assert ((batch.condition >= 0) & (batch.condition < len(CONDITIONS))).all()
    assert batch.knobs.shape == batch.mask.shape == (B, P)
    assert batch.mask.dtype == torch.bool

    prediction = system(batch)
    knobs = prediction.knobs
    assert knobs.shape == prediction.uncertainty.shape == (B, P)
    mix = system.render(batch, knobs)
    assert mix.shape == (B, C, T)
    settings = console.settings(knobs)
    assert [len(song) for song in settings] == [P] * B
    assert console.knobs_from(settings).shape == (B, P)

    loss, terms = system.objective(prediction, mix, batch)
    assert loss.shape == ()
    assert set(terms) == set(system.objective.terms)
    assert all(term.shape == () for term in terms.values())
    assert system.mean_knobs.shape == system.trained_knobs.shape == (P,)
