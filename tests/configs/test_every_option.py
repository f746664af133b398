"""Every config composes, builds and trains one step. New files are found automatically."""

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
from ai_mixer.config.renamed import is_old_option
from ai_mixer.data.splits import SPLITS
from ai_mixer.models.closed_form import ClosedFormModel
from ai_mixer.models.track_model import ClosedFormTrackModel
from ai_mixer.training.builders import build_callbacks, build_components, build_trainer
from helpers.consoles import SEVERAL_TRACKS

CONFIGS = config_folder()
STAGE = "stage"  # primary configs: composed by name, not chosen as an option
STAGE_CONFIGS = sorted(file.stem for file in (CONFIGS / STAGE).glob("*.yaml"))
LOCAL = "local"  # a user's own settings
# Groups of other stages than train: see tests/cli/stages/test_features.py, tests/tuning.
OTHERS = {"features", "search", "sampler", "pruner"}
SWEEPS = "experiment/sweep"  # results of a user's sweeps
SCALES = "loss/scale"  # written by make loss-scales
SMALL = [
    "loader.excerpt_s=0.5",
    "loader.excerpts_per_song=1",
    "loader.batch_size=2",
    "loader.workers=0",
]
SMALL_DATA = {  # if the data config has the key
    "root": "{songs}",
    "source.songs": "6",
    "source.duration_s": "4",
}
REQUIRED = {  # other options that an option needs
    ("loss/term", "spread"): {"model": "baseline_cnn"},
    ("loss/term", "genre"): {"model": "baseline_cnn", "model.genre": "true"},
    ("loader", "cached"): {"loss": "knobs_only", "model": "analyser"},
    ("loader", "cached_tracks"): {"loader.examples_per_song": "1"},
}


def options():
    """(group, name) of every option, e.g. (`loss/term`, `knobs`)."""
    files = (file.relative_to(CONFIGS) for file in sorted(CONFIGS.glob("*/**/*.yaml")))
    pairs = [option_of(file) for file in files]
    pairs = [pair for pair in pairs if pair[0] not in {LOCAL, SWEEPS, STAGE, *OTHERS}]
    return [pair for pair in pairs if not is_old_option(*pair)]


def option_of(file):
    """Group and name of a config file; ranges of a console are `ranges=<console>/<name>`."""
    group, name = file.parent.as_posix(), file.stem
    console = group.removeprefix("ranges/")
    return (group, name) if console == group else ("ranges", f"{console}/{name}")


def is_for_several_tracks(group, name):
    if group in {"console", "ranges"}:
        return name.partition("/")[0] in SEVERAL_TRACKS
    return name in {"remix", "midi"} or "track" in name


def groups_of(stage):
    """The defaults list of a stage config, as group → option."""
    lines = OmegaConf.to_container(OmegaConf.load(CONFIGS / STAGE / f"{stage}.yaml"))["defaults"]
    pairs = [pair for line in lines if not isinstance(line, str) for pair in line.items()]
    keywords = re.compile(r"^(optional )?/")
    return {keywords.sub("", key): option for key, option in pairs if "override " not in key}


def is_slow(group, name):
    """One option of each group is in the fast suite.

    Each model, loss term, augmentation and collection has tests of its own.
    """
    first = next(other for known, other in options() if known == group)
    return name not in {first, "default", "remix"}


IDS = ["=".join(pair) for pair in options()]
each_option = pytest.mark.parametrize(("group", "name"), options(), ids=IDS)

each_trained_option = pytest.mark.parametrize(
    ("group", "name"),
    [
        pytest.param(group, name, marks=[pytest.mark.slow] * is_slow(group, name))
        for group, name in options()
    ],
    ids=IDS,
)


@cache
def small_data(name):
    """Overrides that keep a data config small, as (key, value)."""
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        data = hydra.compose("stage/train", [f"data={name}", "~local"]).data
    missing = object()
    keys = [k for k in SMALL_DATA if OmegaConf.select(data, k, default=missing) is not missing]
    return [(key, SMALL_DATA[key]) for key in keys]


def overrides_for(group, name, synthetic_dataset, scratch):
    """Overrides that select one option and keep everything else small."""
    selected = {"data": "folder", "model": "mean_knobs"}
    if is_for_several_tracks(group, name):
        selected = {"task": "remix", "data": "tracks", "model": "multitrack_mean"}
        selected |= {"loader": "tracks"}
    # An experiment selects its own model.
    selected = {"data": "folder"} if group == "experiment" else selected
    selected |= {group: f"[{name}]" if group == "loss/term" else name}
    if group == "ranges" and "/" in name:
        selected["console"] = name.partition("/")[0]
    selected |= REQUIRED.get((group, name), {})
    data = selected["data"]
    songs = synthetic_dataset(data)
    small = [f"data.{key}={value.format(songs=songs)}" for key, value in small_data(data)]
    return [
        *(f"{key}={value}" for key, value in selected.items()),
        *SMALL,
        *small,
        f"paths.data={scratch}",
    ]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def train_one_step(cfg, folder):
    """Train and validate one batch. Return the metrics, and whether each weight changed.

    The weights of a model that is fitted in closed form are buffers.
    """
    parts = build_components(cfg)
    model = parts.system.model
    closed_form = isinstance(model, ClosedFormModel | ClosedFormTrackModel)
    weights = dict(model.named_buffers() if closed_form else model.named_parameters())
    before = {name: weight.clone() for name, weight in weights.items()}
    trainer = build_trainer(
        cfg,
        list(build_callbacks(cfg).values()),
        fast_dev_run=1,
        logger=CSVLogger(folder),
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    trainer.fit(parts.system, datamodule=parts.data)
    changed = [not weight.equal(before[name]) for name, weight in weights.items()]
    return {name: float(m) for name, m in trainer.callback_metrics.items()}, changed


def test_options_are_found():
    groups = {group for group, _ in options()}
    assert {"model", "loss", "loss/term", "data", "console", "ranges", "trainer"} <= groups


@pytest.mark.filterwarnings(
    "ignore:.* songs skipped"
)  # small collections have damaged songs as well
@each_trained_option
def test_option_composes_builds_and_trains_one_step(
    group, name, synthetic_dataset, scratch, tmp_path, compose
):
    cfg = compose(*overrides_for(group, name, synthetic_dataset, scratch))
    OmegaConf.resolve(cfg)
    if cfg.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        pytest.skip("composes; training needs a CUDA device")
    if cfg.trainer.devices > 1:
        pytest.skip("composes; tests/cli/stages/test_ddp.py trains with it, in new processes")
    metrics, changed = train_one_step(cfg, tmp_path)
    assert metrics["train/loss"] > 0
    assert torch.tensor(list(metrics.values())).isfinite().all(), metrics
    assert any(changed)


@each_option
def test_option_starts_with_a_description(group, name):
    lines = (CONFIGS / group / f"{name}.yaml").read_text().splitlines()
    first = next(line for line in lines if not line.startswith("# @package"))
    assert first.startswith("# ")
    assert len(first) > 15


def commands(path):
    """(target, overrides) of every `make …` command in the comments at the top of a config."""
    comments = re.match(r"(#.*\n)*", path.read_text()).group()
    override = r"(?:'[^']*'|[^\s'=<]+=[^\s']+)"
    for stage, text in re.findall(rf"make ([a-z-]+)((?: {override})*)", comments):
        yield stage, shlex.split(text)


@each_option
def test_option_has_a_command_that_selects_it(group, name):
    """Or one that sets a key of its group."""
    if group == SCALES:
        pytest.skip("written by make loss-scales")
    if group in {"console", "ranges"} and is_for_several_tracks(group, name):
        text = (CONFIGS / group / f"{name}.yaml").read_text()
        assert 'python: ai_mixer.load_console("studio"' in text
        return
    file = CONFIGS / group / f"{name}.yaml"
    overrides = [text for _, texts in commands(file) for text in texts]
    short = name.rpartition("/")[2]  # of classic/wide
    pattern = re.compile(rf"{group}=\[?(\w+,)*{short}\b|{group}\.")
    defaults = {**groups_of("base"), **groups_of("train")}
    if (group, name) in defaults.items():
        pattern = re.compile(rf"{group}[=.]")
    assert any(pattern.match(text) for text in overrides), overrides


@pytest.mark.parametrize("stage", STAGE_CONFIGS)
def test_stage_composes_and_hydra_writes_nothing(stage, compose):
    trains = "train" in OmegaConf.load(CONFIGS / STAGE / f"{stage}.yaml").defaults
    overrides = ["data=folder"] if trains or "data" in groups_of(stage) else []
    overrides += ["data.root=/music"] if stage in {"train", "sweep"} else []
    OmegaConf.resolve(compose(*overrides, page=stage))
    hydra_config = HydraConfig.get()
    assert hydra_config.output_subdir is None
    assert hydra_config.run.dir == "."
    assert hydra_config.job_logging.root is hydra_config.hydra_logging.root is None


def test_every_config_is_in_a_group():
    assert not [*CONFIGS.glob("*.yaml")]


@pytest.mark.parametrize(
    ("stage", "data"),
    [
        *(("evaluate", path.stem) for path in sorted((CONFIGS / "data").glob("*.yaml"))),
        *(("render", "folder"), ("compare", "folder")),  # the group has the same place
    ],
)
def test_evaluation_stage_composes_with_any_data(stage, data, compose):
    cfg = compose(f"data={data}", page=stage)
    OmegaConf.resolve(cfg)
    assert cfg.data.source._target_


def test_several_loss_terms(synthetic_dataset, scratch, tmp_path, compose):
    overrides = overrides_for("loss/term", "knobs,perceptual", synthetic_dataset, scratch)
    cfg = compose(*overrides, "loss.terms.perceptual.weight=0")
    assert list(cfg.loss.terms) == ["knobs", "perceptual"]
    metrics, _ = train_one_step(cfg, tmp_path)
    assert {"train/knobs", "train/perceptual", "val/knobs", "val/perceptual"} <= set(metrics)
    assert "train/balance" not in metrics


def test_measured_scale_replaces_that_of_the_term(compose):
    objective = instantiate(compose("loss.scale.knobs=0.5").loss)
    assert objective.scale["knobs"] == 0.5
    assert objective.scale["balance"] != 0.5


def test_default_is_the_band_and_ast_regressor(compose):
    cfg = compose()
    assert cfg.data.name == "band"
    assert cfg.model._target_.endswith("ASTRegressor")
    assert cfg.condition == "any"


def test_every_group_of_the_defaults_list_exists():
    groups = {*groups_of("base"), *groups_of("train")}
    with_options = {group for group, _ in options()}
    assert {"condition", "debug", "optimizer", "scheduler", "callbacks", "paths"} <= groups
    assert with_options <= {*groups, "loss/term"}
    assert {g for g in groups if not (CONFIGS / g).is_dir()} <= {"experiment", LOCAL}


def test_unknown_option_lists_the_known_ones(compose):
    with pytest.raises(ConfigCompositionException) as caught:
        compose("model=nonsense")
    assert "ast_regressor" in str(caught.value.__cause__ or caught.value)


def test_unknown_key_is_named(compose):
    with pytest.raises(ConfigCompositionException, match=r"model\.nonsense"):
        compose("model.nonsense=1")


def test_small_folder_has_songs_in_every_split(songs_folder, compose):
    cfg = compose("data=folder", f"data.root={songs_folder}")
    songs = instantiate(cfg.data.source).songs()
    assert {song.split for song in songs} == set(SPLITS)


def test_composing_has_no_side_effects(compose):
    compose()
    assert not hydra.core.global_hydra.GlobalHydra.instance().is_initialized()
    assert not Path("outputs", "hydra").exists()


def test_local_settings_are_ignored_by_git():
    """configs/local/default.yaml is composed if it exists."""
    assert groups_of("train")[LOCAL] == "default"
    command = ["git", "check-ignore", "--quiet", "configs/local/default.yaml"]
    if not (CONFIGS.parent / ".git").exists():
        pytest.skip("not a git repository")
    assert subprocess.run(command, cwd=CONFIGS.parent, check=False).returncode == 0
