"""Whoever follows the four steps has a new part that trains; inside the house or outside of it."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys

import hydra
import pytest
from omegaconf import open_dict

from ai_mixer import load_model

SMALL = [
    "data.root={songs}",
    "loader.excerpt_s=0.5",
    "loader.excerpts_per_song=1",
    "loader.batch_size=2",
    "loader.workers=0",
    "run_name=toy",
]


def compose(pages, songs, *words, more=()):
    """The config for some words, small, read from a folder of pages."""
    small = [word.format(songs=songs) for word in SMALL]
    if not any(word.startswith("data=") for word in words):
        small.insert(0, "data=folder")
    if (pages / "local").is_dir():  # one's own settings
        small.append("~local")
    with hydra.initialize_config_dir(str(pages), version_base="1.3"):
        return hydra.compose("stage/train", [*words, *small, *more])


@pytest.fixture
def house(tmp_path, guide, monkeypatch, forgetful):
    """Pages of our own, and folders of code that count as parts of ai_mixer's."""
    shutil.copytree(guide.root / "configs", tmp_path / "configs")
    shutil.rmtree(tmp_path / "configs" / "local", ignore_errors=True)
    for group in guide.groups.values():
        package = importlib.import_module(f"ai_mixer.{group}")
        annexe = str(tmp_path / "src" / "ai_mixer" / group)
        monkeypatch.setattr(package, "__path__", [*package.__path__, annexe])
    return tmp_path


def is_used(part, cfg, learned):
    """Does the trained system hold the toy?"""
    system = learned.parts.system
    if part == "dataset":
        return type(learned.parts.data.source).__name__ == "Toy"
    if part == "effect":
        place = system.console.names.index("toy")
        return bool(system.knob_count[place] > 0) and "toy" in system.console.effects
    if part == "model":
        return type(system.model).__name__ == "Toy"
    return learned.metrics["train/toy"] > 0 and learned.metrics["val/toy"] > 0


def test_there_are_four_steps(part, guide):
    steps = guide.steps(part)
    assert len(steps) == 4
    assert all(guide.places(step) for step in steps[:3]), "each names its files"
    assert "`make check`, `make test`" in steps[3]


def test_the_steps_name_every_file(part, guide, tmp_path):
    """What the toy needs is what the steps say, no file more."""
    shutil.copytree(guide.root / "configs", tmp_path / "configs")
    toys = guide.toys / part
    assert sorted(guide.lay(part, tmp_path)) == sorted(
        file.relative_to(toys).as_posix() for file in toys.rglob("toy.*")
    ) + sorted(file.relative_to(toys).as_posix() for file in toys.rglob("test_toy.py"))


def test_what_the_steps_give_trains(part, guide, house, songs_folder, learn):
    guide.lay(part, house)
    cfg = compose(house / "configs", songs_folder, *guide.words(part))
    learned = learn(cfg)
    assert is_used(part, cfg, learned)
    assert learned.moved


@pytest.fixture
def outside(tmp_path, guide, part, monkeypatch, forgetful):
    """The toy as a package of its own, and its pages in a folder of their own, under new names."""
    shutil.copytree(guide.root / "configs", tmp_path / "laid" / "configs")
    new = guide.lay(part, tmp_path / "laid")
    package = tmp_path / "code" / "my_package"
    package.mkdir(parents=True)
    for name in new:
        if name.startswith("src/"):
            shutil.copy(tmp_path / "laid" / name, package / "mine.py")
    edited = {"console": "classic", "ranges": "wide"} if part == "effect" else {}
    pages = [f"configs/{group}/{name}.yaml" for group, name in edited.items()]
    pages += [name for name in new if name.startswith("configs/")]
    for name in pages:
        text = (tmp_path / "laid" / name).read_text()
        page = (tmp_path / "my pages" / name.removeprefix("configs/")).with_name("mine.yaml")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text.replace(f"ai_mixer.{guide.groups[part]}.toy.", "my_package.mine."))
    monkeypatch.syspath_prepend(tmp_path / "code")
    return tmp_path / "my pages"


WORDS = {
    "dataset": ["data=mine"],
    "effect": ["console=mine", "ranges=mine"],
    "model": ["model=mine"],
    "loss": ["loss/term=[knobs,mine]"],
}


def test_a_package_of_one_s_own_trains_if_trusted(part, guide, outside, songs_folder, learn):
    search = [f'hydra.searchpath=["file://{outside}"]']
    cfg = compose(guide.root / "configs", songs_folder, *WORDS[part], more=search)
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy: .*trusted=\[my_package\]"):
        learn(cfg)
    with open_dict(cfg):
        cfg.allow_targets = ["my_package"]
    learned = learn(cfg)
    assert is_used(part, cfg, learned)
    assert learned.moved


@pytest.mark.slow
@pytest.mark.parametrize("part", ["model"], indirect=True)
def test_the_command_of_the_section_and_loading_it_again(guide, outside, songs_folder, tmp_path):
    """As printed, from the command line to `load_model`; without the word of trust, not."""
    text = (guide.root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    given = r"^\.venv/bin/python (-m ai_mixer\.stages\.train --config-dir .*)$"
    (command,) = re.findall(given, text, re.MULTILINE)
    small = ["debug=fast", "data=folder", *(word.format(songs=songs_folder) for word in SMALL)]
    places = [f"paths.{name}={tmp_path / name}" for name in ("data", "outputs", "mlruns")]
    subprocess.run(
        [sys.executable, *shlex.split(command), *small, *places],
        cwd=outside.parent,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "code")},
        check=True,
    )
    (card,) = (tmp_path / "mlruns").rglob("model.json")
    assert type(load_model(card, allow_targets=["my_package"]).model).__name__ == "Toy"
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy"):
        load_model(card)
