"""Training of several tracks: loss, baseline by role, metric, predictor, evaluation."""

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_class

from ai_mixer.cli import pipeline
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.evaluation.track_evaluate import TrackEvaluator, evaluate_tracks
from ai_mixer.evaluation.track_render import track_samples
from ai_mixer.evaluation.track_systems import TRACK_SYSTEMS, build_track_systems
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.track_predictor import TrackPredictor, load_track_model
from ai_mixer.metrics.track_skill import balance_errors_db, fader_errors_db, knob_columns
from ai_mixer.tracking import save_model
from ai_mixer.training.builders import ONE_FILE, build_components
from ai_mixer.training.calibration import calibrate
from ai_mixer.training.export import model_card
from ai_mixer.training.track_system import knob_slots
from helpers.measures import residual_db
from helpers.tracks import NAMES, write_songs

SMALL = [
    *("loader=tracks", "loader.excerpt_s=0.5", "loader.batch_size=2", "loader.workers=0"),
    *("loader.excerpts_per_song=2", "loader.held_out_per_song=3"),
    *("model.width=16", "model.layers=1"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("tracks"), seconds=1.5)


@pytest.fixture(scope="module")
def cfg(root, compose):
    return compose(
        "task=remix", "data=tracks", f"data.root={root}", *SMALL, "data.source.index=null"
    )


@pytest.fixture(scope="module")
def parts(cfg):
    torch.manual_seed(0)
    return build_components(cfg)


@pytest.fixture(scope="module")
def batch(parts):
    return next(iter(parts.data.train_dataloader()))


@pytest.fixture(scope="module")
def predictor(parts, cfg, batch):
    from omegaconf import OmegaConf

    parts.system._count_targets(batch)
    card = model_card(OmegaConf.to_container(cfg, resolve=True), parts.system, "run")
    return TrackPredictor(parts.system.model, parts.console, card)


def test_a_step_has_a_finite_loss_and_gradients(parts, batch):
    parts.system.log = parts.system.log_dict = lambda *_, **__: None
    loss = parts.system.training_step(batch, 0)
    loss.backward()
    gradients = [p.grad for p in parts.system.model.parameters() if p.grad is not None]
    assert loss.isfinite()
    assert gradients
    assert all(g.isfinite().all() for g in gradients)


def test_with_true_knobs_the_system_renders_the_finished_mix(parts, batch):
    mix = parts.system.render(batch, batch.knobs)
    for one, finished in zip(mix, batch.finished, strict=True):
        assert residual_db(one, finished) < -80


def test_losses_on_audio_render_the_tracks(cfg, compose, root, batch):
    overrides = ["task=remix", "data=tracks", f"data.root={root}", *SMALL]
    parts = build_components(compose(*overrides, "loss/term=[knobs,perceptual]"))
    parts.system.log = parts.system.log_dict = lambda *_, **__: None
    assert set(parts.system.objective.terms) == {"knobs", "perceptual"}
    loss = parts.system.training_step(batch, 0)
    loss.backward()
    assert loss.isfinite()


def test_the_baseline_is_the_mean_of_each_role(parts, batch):
    parts.system.knob_sum.zero_(), parts.system.knob_count.zero_()
    parts.system._count_targets(batch)
    layout = parts.console.layout
    strips = layout.from_flat(batch.knobs).strips
    masks = layout.from_flat(batch.mask.float()).strips > 0
    fader = parts.console.names.index("fader_db")
    for role in batch.roles.unique():
        own = (batch.roles == role) & masks[..., fader]
        expected = strips[..., fader][own].mean()
        slot = int(role % 9) * len(layout.strip) + fader
        assert float(parts.system.mean_knobs[slot]) == pytest.approx(float(expected), abs=1e-6)
    assert not parts.system.trained_knobs[knob_columns(layout, 9)["master.level"]].any()


def test_slots_are_a_row_per_role_then_the_song():
    roles = torch.tensor([[0, -1], [2, 0]])
    slots = knob_slots(roles, strip_knobs=3, knobs=8)
    assert slots.tolist() == [
        [0, 1, 2, 24, 25, 26, 27, 28],
        [6, 7, 8, 0, 1, 2, 27, 28],
    ]


def test_skill_is_0_for_the_mean_knobs_and_1_for_the_true_ones(parts, batch):
    metric, means = parts.system.skill_metric(), parts.system.mean_knobs
    baseline = means[parts.system.slots(batch)]
    for knobs, expected in ((baseline, 0.0), (batch.knobs, 1.0)):
        metric.reset()
        metric.update(batch, knobs, baseline)
        assert metric.compute()["skill"] == pytest.approx(expected, abs=1e-6)


def test_fader_errors_are_in_db_and_the_balance_ignores_a_common_gain(parts, batch):
    layout = parts.console.layout
    knobs = layout.from_flat(batch.knobs)
    fader = parts.console.names.index("fader_db")
    travel_db = layout.strip[fader].high - layout.strip[fader].low
    moved = knobs.strips.clone()
    moved[..., fader] -= 2.0 / travel_db
    moved[:, 0, fader] -= 1.0 / travel_db
    flat = GraphKnobs(moved, knobs.buses, knobs.master).flat()
    known = torch.ones_like(batch.mask)
    errors = fader_errors_db(layout, flat, batch.knobs, known)
    assert errors[0].tolist() == pytest.approx([3.0] + [2.0] * (len(errors[0]) - 1), abs=1e-3)
    count = errors.shape[1]
    balance = balance_errors_db(layout, flat, batch.knobs, known)
    assert balance[0].tolist() == pytest.approx(
        [1 - 1 / count] + [1 / count] * (count - 1), abs=1e-3
    )


def test_a_saved_model_predicts_the_same_and_is_refused_for_one_file(predictor, batch, tmp_path):
    save_model(tmp_path, predictor.model.state_dict(), predictor.card)
    loaded = load_track_model(tmp_path)
    assert loaded.predict(batch).knobs.allclose(predictor.predict(batch).knobs)
    with pytest.raises(ValueError, match="a model of several tracks"):
        load_model(tmp_path)


def test_knobs_without_targets_stay_at_neutral(predictor, batch):
    knobs = predictor.console.layout.from_flat(predictor.predict(batch).knobs)
    neutral = predictor.console.neutral(knobs.strips.shape[1], len(batch))
    assert knobs.master.allclose(neutral.master)
    trim = predictor.console.names.index("trim_db")
    assert knobs.strips[..., trim].allclose(neutral.strips[..., trim])


def test_calibration_has_factors_per_knob(parts, predictor, batch):
    factors = calibrate(parts.system, parts.data)
    assert set(factors) == {"blind", "reference", "paired"}  # few songs: empty
    predictor.calibration = {"blind": {"fader_db": 2.0, "reverb.decay_s": 3.0}}
    blind = batch.with_condition("blind")
    uncertainty = predictor.predict(blind).uncertainty
    predictor.calibration = {}
    ratio = uncertainty / predictor.predict(blind).uncertainty
    columns = knob_columns(predictor.console.layout, batch.tracks.shape[1])
    assert ratio[:, columns["fader_db"]].allclose(torch.tensor(2.0))
    assert ratio[:, columns["reverb.decay_s"]].allclose(torch.tensor(3.0))
    assert ratio[:, columns["pan"]].allclose(torch.tensor(1.0))


def test_the_tracks_of_a_listening_page_sum_to_its_versions(predictor, parts):
    """Before the master, whose limiter has nothing to do here."""
    one = TrackBatch.collate([parts.data.dataset("val")[0, 0]])
    layout = predictor.console.layout
    true = layout.from_flat(one.knobs)
    samples = track_samples(predictor, one, true, true)
    assert [sample.name for sample in samples] == sorted(sample.name for sample in samples)
    sums = {
        version: sum(torch.from_numpy(sample.versions[version]) for sample in samples)
        for version in ("rough", "mix", "finished")
    }
    assert residual_db(sums["rough"], one.rough[0]) < -90
    assert residual_db(sums["mix"], one.finished[0]) < -70
    assert torch.equal(sums["mix"], sums["finished"])


@pytest.mark.slow
def test_evaluation_has_floors_and_bounds(predictor, tmp_path):
    results = evaluate_tracks(predictor, excerpts_per_song=1, examples=4, allow_seen=True)
    headline = results.headline
    assert not {"refined", "fitted"} & set(headline.index)  # take a minute per excerpt
    assert {"mean_by_genre", "nearest_neighbour", "no_roles", "wrong_roles"} <= set(headline.index)
    errors = results.levels["eq_db"]["blind"]
    assert errors["ridge"] < errors["random"]
    assert results.levels.loc[("blind", "true_knobs"), "eq_db"] == pytest.approx(0.0, abs=1e-6)
    assert results.differences.loc[("blind", "equal_loudness"), "balance_db"] == pytest.approx(
        results.levels.loc[("blind", "model"), "below_equal_loudness_db"]
    )
    assert headline.loc["mean_knobs"].filter(regex="^[a-z]+$").tolist() == [0.0] * 3
    assert headline.loc["true_knobs", "paired"] == pytest.approx(1.0)
    assert results.levels.loc[("blind", "true_knobs"), "balance_db"] == pytest.approx(0.0, abs=1e-6)
    assert results.sound.loc[("paired", "true_knobs"), "stft"] < 0.05
    assert results.sound.loc[("paired", "equal_loudness"), "stft"] > 0.1
    names = set(results.metrics())
    assert {"test_skill_blind", "test_balance_error_db_paired", "test_songs"} <= names
    results.write(tmp_path)
    assert (tmp_path / "tables.md").read_text().startswith(results.description())
    assert len(results.description()) < 2000  # MLflow cuts longer ones than 8000 characters
    text = (tmp_path / "tables.md").read_text()
    assert "raw_sum" in text
    assert "ridge" in text
    assert "Balance error by role" in text
    assert "trained with at most 16 tracks" in text


def test_baselines_leave_knobs_without_targets_neutral(predictor, parts):
    """As the model does: such a knob changes the sound and has no error."""
    batch = TrackBatch.collate([parts.data.dataset("val")[0, 0]])
    neutral = predictor.console.neutral(batch.tracks.shape[1]).flat()
    trained = torch.cat([predictor.trained[0].repeat(len(NAMES)), predictor.trained[1]])
    systems = build_track_systems(predictor, TRACK_SYSTEMS, examples=2)
    assert not trained.all()
    with pytest.raises(ValueError, match="systems: 'ridgy' is none of raw_sum, "):
        build_track_systems(predictor, ["ridgy"], examples=2)
    for name in ("random", "mean_by_genre", "nearest_neighbour", "ridge", "model"):
        assert torch.equal(systems[name](batch)[:, ~trained], neutral[:, ~trained]), name


@pytest.mark.slow
def test_the_fitted_bound_uses_the_mix_and_not_the_model(predictor, parts):
    batch = TrackBatch.collate([parts.data.dataset("val")[0, 0]])
    fitted = build_track_systems(predictor, ["fitted"], examples=2)["fitted"]
    paired = batch.with_condition("paired")
    knobs = fitted(paired)
    layout = predictor.console.layout
    neutral = predictor.console.neutral(batch.tracks.shape[1]).flat()
    own, other = (
        float(fader_errors_db(layout, x, batch.knobs, batch.mask).nanmean())
        for x in (knobs, neutral)
    )
    assert own < 0.5 * other
    assert torch.equal(fitted(batch.with_condition("blind")), neutral)  # nothing to fit to
    weights = [p for p in predictor.model.parameters() if p.requires_grad]
    before = [weight.detach().clone() for weight in weights]
    try:
        for weight in weights:
            weight.detach().zero_()
        assert torch.equal(fitted(paired), knobs)
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.detach().copy_(value)


def test_records_do_not_depend_on_sharing_the_features(predictor, parts):
    batch = TrackBatch.collate([parts.data.dataset("val")[0, 0]])
    systems = build_track_systems(predictor, ["model", "no_roles"], examples=2)
    shared, own = (
        TrackEvaluator(predictor, systems, ("blind", "paired"), False, share_features=share)
        for share in (True, False)
    )
    assert str(shared.records(batch)) == str(own.records(batch))


def test_songs_are_evaluated_with_more_tracks_than_the_model_was_trained_with(predictor):
    trained_with = predictor.config.loader.max_tracks
    predictor.config.loader.max_tracks = 2
    try:
        results = evaluate_tracks(
            predictor, excerpts_per_song=1, condition="blind", systems="model", sound=False,
            allow_seen=True,
        )  # fmt: skip
    finally:
        predictor.config.loader.max_tracks = trained_with
    assert results.max_tracks == 2
    assert set(results.records["tracks"]) == {len(NAMES)}


def test_the_end_of_a_run_is_known_for_each_task(compose):
    """Also that of a sweep, which evaluates its best trial."""
    for task, expected in {
        "restore": pipeline.evaluate_and_render_songs,
        "remix": pipeline.evaluate_and_render_tracks,
    }.items():
        target = compose(f"task={task}").system.get("_target_", ONE_FILE)
        assert get_class(target).__name__ in {"MixSystem", "TrackSystem"}
        assert pipeline.EVALUATIONS[target] is expected


@pytest.mark.slow
def test_models_and_consoles_of_the_other_kind_are_refused(compose, root):
    cases = {
        ("task=remix", "console=classic"): "use console=studio",
        ("task=remix", "model=analyser"): "Analyser is a model of one stereo file",
        ("model=multitrack_ridge",): "MultitrackRidge is a model of several tracks",
        ("console=studio",): "use console=classic or console=mastering",
    }
    for overrides, message in cases.items():
        with pytest.raises((ValueError, InstantiationException), match=message):
            build_components(compose(*overrides, "data=tracks", f"data.root={root}"))
