"""Every page of configs/ composes, builds and learns one step. A new page is covered by itself."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import hydra
import pytest
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.config.folder import config_folder
from ai_mixer.data.splits import SPLITS
from ai_mixer.training.builders import build_callbacks, build_components, build_trainer
from ai_mixer.tuning.sweep_request import with_search_overrides

CONFIGS = config_folder()
STAGE = "stage"  # primary configs: composed by name, not chosen as an option
PAGES = sorted(page.stem for page in (CONFIGS / STAGE).glob("*.yaml"))
MINE = "local"  # a user's own settings: not ours to judge
# Groups of another stage than train: tests/cli/stages/test_features.py, tests/sweep.
OTHERS = {"features", "search", "sampler", "pruner"}
FOUND = "experiment/sweep"  # what a user's sweeps have found
MEASURED = "loss/scale"  # written by the loss_scales stage
SMALL = [
    "loader.excerpt_s=0.5",
    "loader.excerpts_per_song=1",
    "loader.batch_size=2",
    "loader.workers=0",
]
SMALL_DATA = {  # where a data page has such a key
    "root": "{songs}",
    "source.songs": "6",
    "source.duration_s": "4",
}
BESIDE = {  # what some options are made for
    ("loss/term", "spread"): {"model": "baseline_cnn"},
    ("loss/term", "genre"): {"model": "baseline_cnn", "model.genre": "true"},
    ("loader", "kept"): {"loss": "knobs_only"},
}


def options():
    """(group, name) of every page in a group, e.g. (`loss/term`, `knobs`)."""
    pages = (page.relative_to(CONFIGS) for page in sorted(CONFIGS.glob("*/**/*.yaml")))
    pairs = [(page.parent.as_posix(), page.stem) for page in pages]
    return [pair for pair in pairs if pair[0] not in {MINE, FOUND, STAGE, *OTHERS}]


def groups_of(page):
    """The lines of a stage page's defaults list, as group → option."""
    lines = OmegaConf.to_container(OmegaConf.load(CONFIGS / STAGE / f"{page}.yaml"))["defaults"]
    pairs = [pair for line in lines if not isinstance(line, str) for pair in line.items()]
    keywords = re.compile(r"^(optional )?/")
    return {keywords.sub("", key): option for key, option in pairs if "override " not in key}


each_option = pytest.mark.parametrize(
    ("group", "name"), options(), ids=["=".join(pair) for pair in options()]
)


@cache
def small_data(page):
    """The keys of a data page that keep it small, as (key, value)."""
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        data = hydra.compose("stage/train", [f"data={page}", "~local"]).data
    missing = object()
    there = [k for k in SMALL_DATA if OmegaConf.select(data, k, default=missing) is not missing]
    return [(key, SMALL_DATA[key]) for key in there]


def words_for(group, name, look_alikes, scratch):
    """The command line that chooses one option and is cheap in all else."""
    words = {"data": "folder", "model": "mean_knobs"}
    # A recipe chooses its own model; only the songs are ours.
    words = {"data": "folder"} if group == "experiment" else words
    words |= {group: f"[{name}]" if group == "loss/term" else name}
    words |= BESIDE.get((group, name), {})
    songs = look_alikes(words["data"])
    small = [f"data.{key}={value.format(songs=songs)}" for key, value in small_data(words["data"])]
    chosen = [f"{key}={value}" for key, value in words.items()]
    return [*chosen, *SMALL, *small, f"paths.data={scratch}"]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def learn_one_step(cfg, folder):
    """One training and one validation batch. Returns the metrics, and whether weights moved."""
    parts = build_components(cfg)
    before = {name: w.clone() for name, w in parts.system.model.named_parameters()}
    trainer = build_trainer(
        cfg,
        list(build_callbacks(cfg).values()),
        fast_dev_run=1,
        logger=CSVLogger(folder),
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(parts.system, datamodule=parts.data)
    moved = [not w.equal(before[name]) for name, w in parts.system.model.named_parameters()]
    return {name: float(m) for name, m in trainer.callback_metrics.items()}, moved


def test_there_are_options():
    groups = {group for group, _ in options()}
    assert {"model", "loss", "loss/term", "data", "console", "ranges", "trainer"} <= groups


@pytest.mark.filterwarnings("ignore:.* songs skipped")  # look-alikes have their faults, too
@each_option
def test_every_option_composes_builds_and_learns_one_step(
    group, name, look_alikes, scratch, tmp_path, compose
):
    cfg = compose(*words_for(group, name, look_alikes, scratch))
    OmegaConf.resolve(cfg)
    if cfg.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        pytest.skip("composes; needs a CUDA device to learn")
    if cfg.trainer.devices > 1:
        pytest.skip("composes; tests/cli/stages/test_ddp.py learns with it: processes start anew")
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


def commands(path):
    """(stage, words) of every `make …` command in the comments at the top of a page."""
    comments = re.match(r"(#.*\n)*", path.read_text()).group()
    word = r"(?:'[^']*'|[^\s'=<]+=[^\s']+)"
    for stage, words in re.findall(rf"make ([a-z-]+)((?: {word})*)", comments):
        yield stage, shlex.split(words)


STAGES = {
    **{stage: stage for stage in ("train", "sweep", "evaluate", "render", "report")},
    "bench": "benchmark",
}


@each_option
def test_every_option_shows_its_command(group, name):
    """The command on the page chooses that page, or sets a key of the group it stands for."""
    if group == MEASURED:
        pytest.skip("written by make loss-scales")
    shown = [word for stage, words in commands(CONFIGS / group / f"{name}.yaml") for word in words]
    chosen = re.compile(rf"{group}=\[?(\w+,)*{name}\b|{group}\.")
    if (group, name) in {
        **groups_of("base"),
        **groups_of("train"),
    }.items():  # the default may be shown at work
        chosen = re.compile(rf"{group}[=.]")
    assert any(chosen.match(word) for word in shown), shown


@pytest.mark.parametrize("page", sorted(CONFIGS.rglob("*.yaml")), ids=lambda page: page.stem)
def test_every_command_on_a_page_composes(page, compose):
    for stage, words in commands(page):
        if stage in STAGES:
            compose(*with_search_overrides(words), page=STAGES[stage])


@pytest.mark.parametrize("page", PAGES)
def test_every_stage_composes(page, compose):
    trains = "train" in OmegaConf.load(CONFIGS / STAGE / f"{page}.yaml").defaults
    words = ["data=folder"] if trains or "data" in groups_of(page) else []
    words += ["data.root=/music"] if page in {"train", "sweep"} else []
    OmegaConf.resolve(compose(*words, page=page))
    own = HydraConfig.get()  # Hydra writes no log and no folder, and stays where it was started
    assert own.output_subdir is None
    assert own.run.dir == "."
    assert own.job_logging.root is own.hydra_logging.root is None


def test_pages_lie_in_groups():
    assert not [*CONFIGS.glob("*.yaml")]


@pytest.mark.parametrize("data", sorted(p.stem for p in (CONFIGS / "data").glob("*.yaml")))
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page in {"evaluate", "render", "compare"}]
)
def test_a_model_can_be_judged_on_any_data(page, data, compose, songs_folder):
    cfg = compose(f"data={data}", page=page)
    OmegaConf.resolve(cfg)
    assert cfg.data.source._target_


def test_several_terms_at_once(look_alikes, scratch, tmp_path, compose):
    words = words_for("loss/term", "knobs,perceptual", look_alikes, scratch)
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
    groups = {*groups_of("base"), *groups_of("train")}
    with_pages = {group for group, _ in options()}
    assert {"condition", "debug", "optimizer", "scheduler", "callbacks", "paths"} <= groups
    assert with_pages <= {*groups, "loss/term"}
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


def test_one_s_own_settings_are_not_ours():
    """configs/local/default.yaml is composed where it exists, and never committed."""
    assert groups_of("train")[MINE] == "default"
    words = ["git", "check-ignore", "--quiet", "configs/local/default.yaml"]
    if not (CONFIGS.parent / ".git").exists():
        pytest.skip("no git repository around the pages")
    assert subprocess.run(words, cwd=CONFIGS.parent, check=False).returncode == 0
