"""The four steps of docs/guides/extend.md give a part that trains, here or in another package."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import open_dict

from ai_mixer import load_model


def is_used(part, trained):
    """Whether the trained system contains the toy."""
    system = trained.parts.system
    if part == "dataset":
        return type(trained.parts.data.source).__name__ == "Toy"
    if part == "effect":
        index = system.console.names.index("toy")
        return bool(system.knob_count[index] > 0) and "toy" in system.console.effects
    if part == "model":
        return type(system.model).__name__ == "Toy"
    return trained.metrics["train/toy"] > 0 and trained.metrics["val/toy"] > 0


def test_section_has_four_steps(part, guide):
    steps = guide.steps(part)
    assert len(steps) == 4
    assert all(guide.paths(step) for step in steps[:3])
    assert "`make check`, `make test`" in steps[3]


def test_steps_name_every_file_of_the_toy(part, guide, tmp_path):
    shutil.copytree(guide.root / "configs", tmp_path / "configs")
    toys = guide.toys / part
    assert sorted(guide.add_files(part, tmp_path)) == sorted(
        file.relative_to(toys).as_posix()
        for file in toys.rglob("toy.*")
        if file.parent.name != "__pycache__"
    ) + sorted(file.relative_to(toys).as_posix() for file in toys.rglob("test_toy.py"))


def test_result_of_the_steps_trains(part, guide, copied_configs, songs_folder, train):
    guide.add_files(part, copied_configs)
    cfg = guide.compose(copied_configs / "configs", songs_folder, *guide.overrides(part))
    trained = train(cfg)
    assert is_used(part, trained)
    assert trained.changed


@pytest.fixture
def external_configs(tmp_path, guide, part, monkeypatch, unload_toys):
    """The toy in a package of its own; returns the folder of its configs, under new names."""
    shutil.copytree(guide.root / "configs", tmp_path / "checkout" / "configs")
    new = guide.add_files(part, tmp_path / "checkout")
    package = tmp_path / "code" / "my_package"
    package.mkdir(parents=True)
    for name in new:
        if name.startswith("src/"):
            shutil.copy(tmp_path / "checkout" / name, package / "mine.py")
    edited = ["configs/console/classic.yaml", "configs/ranges/classic/wide.yaml"]
    names = edited if part == "effect" else []
    names = [*names, *(name for name in new if name.startswith("configs/"))]
    for name in names:
        text = (tmp_path / "checkout" / name).read_text()
        file = tmp_path / "my_configs" / _own_name(name.removeprefix("configs/"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(f"ai_mixer.{guide.groups[part]}.toy.", "my_package.mine."))
    monkeypatch.syspath_prepend(tmp_path / "code")
    return tmp_path / "my_configs"


def _own_name(name):
    """The page under a name of its own: `ranges/classic/wide.yaml` belongs to console `mine`."""
    if name.startswith("ranges/"):
        return name.replace("classic", "mine")
    return Path(name).with_name("mine.yaml")


OVERRIDES = {
    "dataset": ["data=mine"],
    "effect": ["console=mine"],
    "model": ["model=mine"],
    "loss": ["loss/term=[knobs,mine]"],
}


@pytest.mark.slow
def test_external_package_trains_if_allowed(part, guide, external_configs, songs_folder, train):
    search = [f'hydra.searchpath=["file://{external_configs}"]']
    cfg = guide.compose(
        guide.root / "configs", songs_folder, *OVERRIDES[part], hydra_overrides=search
    )
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy: .*allow_targets=\[my_package\]"):
        train(cfg)
    with open_dict(cfg):
        cfg.allow_targets = ["my_package"]
    trained = train(cfg)
    assert is_used(part, trained)
    assert trained.changed


def python(*arguments, cwd, code):
    """Run `python …`, with the package of the toy in its path."""
    path = os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_commands_with_an_external_package(part, guide, external_configs, songs_folder, tmp_path):
    """The command of the section trains, and `evaluate` and `load_model` need allow_targets."""
    text = (guide.root / "docs" / "guides" / "extend.md").read_text(encoding="utf-8")
    pattern = r"^\.venv/bin/python (-m ai_mixer\.cli\.stages\.train --config-dir .*)$"
    (command,) = re.findall(pattern, text, re.MULTILINE)
    selected = [] if part == "model" else ["model=mean_knobs", *OVERRIDES[part]]
    selected += [] if part == "dataset" else ["data=folder"]
    paths = [f"paths.{name}={tmp_path / name}" for name in ("data", "outputs", "mlruns")]
    small = ["debug=fast", *(override.format(songs=songs_folder) for override in guide.small)]
    words = [w for w in shlex.split(command) if part == "model" or w != "model=mine"]
    where = {"cwd": external_configs.parent, "code": tmp_path / "code"}
    done = python(*words, *small, *selected, *paths, **where)
    assert done.returncode == 0, done.stderr[-2000:]
    evaluate = ["-m", "ai_mixer.cli.stages.evaluate", "run=last", "systems=[rough]", *paths]
    refused = python(*evaluate, **where)
    assert re.search(r"^error: .*my_package\.mine\.Toy: .*allow_targets", refused.stderr, re.M)
    done = python(*evaluate, "allow_targets=[my_package]", **where)
    assert done.returncode == 0, done.stderr[-2000:]
    (card,) = (tmp_path / "mlruns").rglob("model.json")
    load_model(card, allow_targets=["my_package"])
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy"):
        load_model(card)
