"""The steps of CONTRIBUTING.md, and four toys to follow them with, as a contributor writes them.

`toys/<part>` holds the new files at the places that the steps name; `EDITS` what is added to pages
that are there already.
"""

import re
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ai_mixer.config.folder import config_folder

collect_ignore = ["toys"]  # they are tested where they were laid

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
NEXT = "  - name: mid_eq\n"  # somewhere in the middle: nothing may count on places
EDITS = {
    "configs/console/classic.yaml": lambda page: page.replace(NEXT, ENTRY + NEXT),
    "configs/ranges/*.yaml": lambda page: page + "toy: [-3, 3]\n",
}


def steps(part):
    """The numbered steps of "Add a …", as text."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(rf"^## Add an? {part}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]
    numbered = section.partition("**Proof:**")[0]
    return [step.strip() for step in re.split(r"^\d\. ", numbered, flags=re.MULTILINE)[1:]]


def places(step):
    """The files a step is about: what stands before its colon."""
    return re.findall(r"`((?:src|configs|tests)/[^`]+)`", step.partition(":")[0])


def lay(part, root):
    """Follow the steps under `root`, a checkout or a part of one. Returns the new files' names."""
    written = []
    for place in (place for step in steps(part) for place in places(step)):
        if place in EDITS:
            for page in sorted(root.glob(place)):
                page.write_text(EDITS[place](page.read_text(encoding="utf-8")), encoding="utf-8")
            continue
        name = place.replace("<name>", NAME)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOYS / part / name, root / name)
        written.append(name)
    return written


def train_words(part):
    """The words of the last `make train …` of a section, as make hands them on."""
    (*_, command) = re.findall(r"`make train ([^`]+)`", steps(part)[-1])
    return shlex.split(command.replace("<name>", NAME))


def learn_one_step(cfg, folder):
    """One training and one validation batch. Returns the parts, the metrics, and what moved."""
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
    moved = [not weight.equal(old) for weight, old in zip(after, before, strict=True)]
    return SimpleNamespace(parts=parts, metrics=metrics, moved=any(moved))


@pytest.fixture(scope="session")
def guide():
    """What CONTRIBUTING.md says, and how to do it."""
    return SimpleNamespace(
        root=ROOT, toys=TOYS, groups=PARTS, steps=steps, places=places, lay=lay, words=train_words
    )


@pytest.fixture(params=PARTS)
def part(request):
    return request.param


@pytest.fixture
def learn(tmp_path):
    return lambda cfg: learn_one_step(cfg, tmp_path / "scratch")


@pytest.fixture
def forgetful():
    """What a test imports of the toys is forgotten after it."""
    yield
    for name in [n for n in sys.modules if n.endswith(f".{NAME}") or n.startswith("my_package")]:
        del sys.modules[name]
