"""Every page of configs/ composes, builds and learns one step. A new page is covered by itself."""

from pathlib import Path

import hydra
import pytest
import torch
from hydra.errors import ConfigCompositionException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.assemble import assemble
from ai_mixer.console.load import config_folder
from ai_mixer.data.splits import SPLITS

CONFIGS = config_folder()
PAGES = sorted(page.stem for page in CONFIGS.glob("*.yaml"))
MINE = "local"  # a user's own settings: not ours to judge
MEASURED = "loss/scale"  # written by the loss_scales stage
SMALL = [
    "loader.excerpt_s=0.5",
    "loader.excerpts_per_song=1",
    "loader.batch_size=2",
    "loader.workers=0",
]
DATA = {  # how a data page is kept small; others read the folder of six songs
    "band": ["data.source.songs=6", "data.source.duration_s=4"],
    "band_small": ["data.source.songs=6", "data.source.duration_s=4"],
    "folder": ["data.root={songs}"],
}


def options():
    """(group, name) of every page in a group, e.g. (`loss/term`, `knobs`)."""
    pages = (page.relative_to(CONFIGS) for page in sorted(CONFIGS.glob("*/**/*.yaml")))
    pairs = [(page.parent.as_posix(), page.stem) for page in pages]
    return [pair for pair in pairs if pair[0] != MINE]


each_option = pytest.mark.parametrize(
    ("group", "name"), options(), ids=["=".join(pair) for pair in options()]
)


def words_for(group, name, songs, scratch):
    """The command line that chooses one option and is cheap in all else."""
    words = {"data": "folder", "model": "mean_knobs"}
    # A recipe chooses its own model; only the songs are ours.
    words = {"data": "folder"} if group == "experiment" else words
    words |= {group: f"[{name}]" if group == "loss/term" else name}
    data = DATA.get(words["data"], DATA["folder"])
    small = [word.format(songs=songs) for word in data]
    chosen = [f"{key}={value}" for key, value in words.items()]
    return [*chosen, *SMALL, *small, f"paths.data={scratch}"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def learn_one_step(cfg, folder):
    """One training and one validation batch. Returns the metrics, and whether weights moved."""
    parts = assemble(cfg)
    before = {name: w.clone() for name, w in parts.system.model.named_parameters()}
    trainer = instantiate(
        cfg.trainer,
        fast_dev_run=1,
        logger=CSVLogger(folder),
        callbacks=list(instantiate(cfg.callbacks).values()) if cfg.callbacks else None,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(parts.system, datamodule=parts.data)
    moved = [not w.equal(before[name]) for name, w in parts.system.model.named_parameters()]
    return {name: float(m) for name, m in trainer.callback_metrics.items()}, moved


def test_there_are_options():
    groups = {group for group, _ in options()}
    assert {"model", "loss", "loss/term", "data", "console", "ranges", "trainer"} <= groups


@each_option
def test_every_option_composes_builds_and_learns_one_step(
    group, name, songs_folder, scratch, tmp_path, compose
):
    cfg = compose(*words_for(group, name, songs_folder, scratch))
    OmegaConf.resolve(cfg)
    if cfg.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        pytest.skip("composes; needs a CUDA device to learn")
    if cfg.trainer.devices > 1:
        pytest.skip("composes; tests/stages/test_ddp.py learns with it: processes start anew")
    metrics, moved = learn_one_step(cfg, tmp_path)
    assert metrics["train/loss"] > 0
    assert torch.tensor(list(metrics.values())).isfinite().all(), metrics
    assert any(moved)


@each_option
def test_every_option_says_what_it_is(group, name):
    """A page opens with a sentence for those who choose from the menu."""
    lines = (CONFIGS / group / f"{name}.yaml").read_text().splitlines()
    first = next(line for line in lines if not line.startswith("# @package"))
    assert first.startswith("# ")
    assert len(first) > 15


@pytest.mark.parametrize("page", PAGES)
def test_every_stage_composes(page, compose):
    words = ["data.root=/music"] if page in {"train", "sweep"} else []
    OmegaConf.resolve(compose("data=folder", *words, page=page))


@pytest.mark.parametrize("data", sorted(p.stem for p in (CONFIGS / "data").glob("*.yaml")))
@pytest.mark.parametrize("page", [page for page in PAGES if page in {"evaluate", "render"}])
def test_a_model_can_be_judged_on_any_data(page, data, compose, songs_folder):
    cfg = compose(f"data={data}", page=page)
    OmegaConf.resolve(cfg)
    assert cfg.data.source._target_


def test_several_terms_at_once(songs_folder, scratch, tmp_path, compose):
    words = words_for("loss/term", "knobs,perceptual", songs_folder, scratch)
    cfg = compose(*words, "loss.terms.perceptual.weight=0")
    assert list(cfg.loss.terms) == ["knobs", "perceptual"]
    metrics, _ = learn_one_step(cfg, tmp_path)
    assert {"train/knobs", "train/perceptual", "val/knobs", "val/perceptual"} <= set(metrics)
    assert "train/balance" not in metrics


def test_a_measured_scale_replaces_the_terms_own(compose):
    objective = instantiate(compose("loss.scale.knobs=0.5").loss)
    assert objective.scale["knobs"] == 0.5
    assert objective.scale["balance"] != 0.5


def test_the_default_is_the_band_and_ast_regressor(compose):
    cfg = compose()
    assert cfg.data.name == "band"
    assert cfg.model._target_.endswith("ASTRegressor")
    assert cfg.condition == "any"


def test_every_group_of_the_table_of_contents_exists():
    lines = OmegaConf.load(CONFIGS / "train.yaml").defaults
    groups = {
        str(key).removeprefix("optional ") for line in lines if line != "_self_" for key in line
    }
    groups = {group for group in groups if not group.startswith("override ")}
    with_pages = {group for group, _ in options()}
    assert with_pages <= {*groups, "loss/term", MEASURED}
    assert {g for g in groups if not (CONFIGS / g).is_dir()} <= {"experiment", MINE}


def test_a_wrong_name_is_answered_with_the_menu(compose):
    with pytest.raises(ConfigCompositionException) as caught:
        compose("model=nonsense")
    assert "ast_regressor" in str(caught.value.__cause__ or caught.value)


def test_a_wrong_key_is_named(compose):
    with pytest.raises(ConfigCompositionException, match=r"model\.nonsense"):
        compose("model.nonsense=1")


def test_splits_of_the_small_folder(songs_folder, compose):
    """The folder all these tests use has something in every split."""
    cfg = compose("data=folder", f"data.root={songs_folder}")
    songs = instantiate(cfg.data.source).songs()
    assert {song.split for song in songs} == set(SPLITS)


def test_composing_leaves_no_trace(compose):
    compose()
    assert not hydra.core.global_hydra.GlobalHydra.instance().is_initialized()
    assert not Path("outputs", "hydra").exists()
