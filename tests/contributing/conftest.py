"""The steps of docs/guides/extend.md, and four small extensions that follow them.

`toys/<part>` holds the new files at the paths that the steps name; `EDITS` holds the changes of
existing configs.
"""

import importlib
import re
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import hydra
import pytest
import torch

from ai_mixer.config.folder import config_folder

collect_ignore = ["toys"]  # tested in a checkout that contains them

ROOT = config_folder().parent
TOYS = Path(__file__).parent / "toys"
PARTS = {"dataset": "data", "effect": "effects", "model": "models", "loss": "losses"}
NAME = "toy"
ENTRY = """\
  - name: toy
    effect: {_target_: ai_mixer.effects.toy.Toy}
    knobs:
      trim_db: {name: toy, unit: dB, scale: linear, neutral: 0}
"""
NEXT = "  - name: mid_eq\n"  # in the middle: no code may depend on the index of a knob
EDITS = {
    "configs/console/classic.yaml": lambda text: text.replace(NEXT, ENTRY + NEXT),
    "configs/ranges/classic/*.yaml": lambda text: text + "toy: [-3, 3]\n",
}


def steps(part):
    """The numbered steps of "Add a …", as text."""
    text = (ROOT / "docs" / "guides" / "extend.md").read_text(encoding="utf-8")
    section = re.search(rf"^## Add an? {part}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]
    numbered = section.partition("**Proof:**")[0]
    return [step.strip() for step in re.split(r"^\d\. ", numbered, flags=re.MULTILINE)[1:]]


def paths(step):
    """The files of a step: those before its colon."""
    return re.findall(r"`((?:src|configs|tests)/[^`]+)`", step.partition(":")[0])


def add_files(part, root):
    """Follow the steps in `root`, a checkout or a part of one. Return the new files' names."""
    written = []
    for path in (path for step in steps(part) for path in paths(step)):
        if path in EDITS:
            for file in sorted(root.glob(path)):
                file.write_text(EDITS[path](file.read_text(encoding="utf-8")), encoding="utf-8")
            continue
        name = path.replace("<name>", NAME)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOYS / part / name, root / name)
        written.append(name)
    return written


def train_overrides(part):
    """Overrides of the last `make train …` of a section."""
    (*_, command) = re.findall(r"`make train ([^`]+)`", steps(part)[-1])
    return shlex.split(command.replace("<name>", NAME))


SMALL = [
    "data.root={songs}",
    "loader.excerpt_s=0.5",
    "loader.excerpts_per_song=1",
    "loader.batch_size=2",
    "loader.workers=0",
    "run_name=toy",
]


def compose_small(configs, songs, *overrides, hydra_overrides=()):
    """Compose a small training from a folder of configs."""
    small = [text.format(songs=songs) for text in SMALL]
    if not any(text.startswith("data=") for text in overrides):
        small.insert(0, "data=folder")
    if (configs / "local").is_dir():  # the user's settings
        small.append("~local")
    with hydra.initialize_config_dir(str(configs), version_base="1.3"):
        return hydra.compose("stage/train", [*overrides, *small, *hydra_overrides])


def train_one_step(cfg, folder):
    """Train and validate one batch. Return components, metrics, and whether weights changed."""
    from pytorch_lightning.loggers import CSVLogger

    from ai_mixer.training.builders import build_components, build_trainer

    parts = build_components(cfg)
    before = [weight.clone() for weight in parts.system.model.parameters()]
    settings = {"enable_progress_bar": False, "default_root_dir": folder}
    trainer = build_trainer(cfg, [], fast_dev_run=1, logger=CSVLogger(folder), **settings)
    trainer.fit(parts.system, datamodule=parts.data)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert torch.tensor(list(metrics.values())).isfinite().all(), metrics
    after = parts.system.model.parameters()
    changed = [not weight.equal(old) for weight, old in zip(after, before, strict=True)]
    return SimpleNamespace(parts=parts, metrics=metrics, changed=any(changed))


@pytest.fixture(scope="session")
def guide():
    """The steps of docs/guides/extend.md, and functions that follow them."""
    return SimpleNamespace(
        root=ROOT,
        toys=TOYS,
        groups=PARTS,
        steps=steps,
        paths=paths,
        add_files=add_files,
        overrides=train_overrides,
        compose=compose_small,
        small=SMALL,
    )


@pytest.fixture
def copied_configs(tmp_path, guide, monkeypatch, unload_toys):
    """A folder with copied configs, whose code folders are in the search path of ai_mixer."""
    shutil.copytree(guide.root / "configs", tmp_path / "configs")
    shutil.rmtree(tmp_path / "configs" / "local", ignore_errors=True)
    for group in guide.groups.values():
        package = importlib.import_module(f"ai_mixer.{group}")
        folder = str(tmp_path / "src" / "ai_mixer" / group)
        monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    return tmp_path


@pytest.fixture(params=PARTS)
def part(request):
    return request.param


@pytest.fixture
def train(tmp_path):
    return lambda cfg: train_one_step(cfg, tmp_path / "scratch")


@pytest.fixture
def unload_toys():
    """Remove imported toys from sys.modules after the test."""
    yield
    for name in [n for n in sys.modules if n.endswith(f".{NAME}") or n.startswith("my_package")]:
        del sys.modules[name]
