"""The four steps of docs/guides/extend.md give a part that trains, here or in another package."""

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


def compose(configs, songs, *overrides, hydra_overrides=()):
    """Compose a small training from a folder of configs."""
    small = [text.format(songs=songs) for text in SMALL]
    if not any(text.startswith("data=") for text in overrides):
        small.insert(0, "data=folder")
    if (configs / "local").is_dir():  # the user's settings
        small.append("~local")
    with hydra.initialize_config_dir(str(configs), version_base="1.3"):
        return hydra.compose("stage/train", [*overrides, *small, *hydra_overrides])


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
        file.relative_to(toys).as_posix() for file in toys.rglob("toy.*")
    ) + sorted(file.relative_to(toys).as_posix() for file in toys.rglob("test_toy.py"))


def test_result_of_the_steps_trains(part, guide, copied_configs, songs_folder, train):
    guide.add_files(part, copied_configs)
    cfg = compose(copied_configs / "configs", songs_folder, *guide.overrides(part))
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
    edited = {"console": "classic", "ranges": "wide"} if part == "effect" else {}
    names = [f"configs/{group}/{name}.yaml" for group, name in edited.items()]
    names += [name for name in new if name.startswith("configs/")]
    for name in names:
        text = (tmp_path / "checkout" / name).read_text()
        file = (tmp_path / "my_configs" / name.removeprefix("configs/")).with_name("mine.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(f"ai_mixer.{guide.groups[part]}.toy.", "my_package.mine."))
    monkeypatch.syspath_prepend(tmp_path / "code")
    return tmp_path / "my_configs"


OVERRIDES = {
    "dataset": ["data=mine"],
    "effect": ["console=mine", "ranges=mine"],
    "model": ["model=mine"],
    "loss": ["loss/term=[knobs,mine]"],
}


def test_external_package_trains_if_allowed(part, guide, external_configs, songs_folder, train):
    search = [f'hydra.searchpath=["file://{external_configs}"]']
    cfg = compose(guide.root / "configs", songs_folder, *OVERRIDES[part], hydra_overrides=search)
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy: .*allow_targets=\[my_package\]"):
        train(cfg)
    with open_dict(cfg):
        cfg.allow_targets = ["my_package"]
    trained = train(cfg)
    assert is_used(part, trained)
    assert trained.changed


@pytest.mark.slow
@pytest.mark.parametrize("part", ["model"], indirect=True)
def test_command_of_the_section_and_load_model(guide, external_configs, songs_folder, tmp_path):
    """`load_model` raises without allow_targets."""
    text = (guide.root / "docs" / "guides" / "extend.md").read_text(encoding="utf-8")
    pattern = r"^\.venv/bin/python (-m ai_mixer\.cli\.stages\.train --config-dir .*)$"
    (command,) = re.findall(pattern, text, re.MULTILINE)
    small = [
        "debug=fast",
        "data=folder",
        *(override.format(songs=songs_folder) for override in SMALL),
    ]
    paths = [f"paths.{name}={tmp_path / name}" for name in ("data", "outputs", "mlruns")]
    subprocess.run(
        [sys.executable, *shlex.split(command), *small, *paths],
        cwd=external_configs.parent,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "code")},
        check=True,
    )
    (card,) = (tmp_path / "mlruns").rglob("model.json")
    assert type(load_model(card, allow_targets=["my_package"]).model).__name__ == "Toy"
    with pytest.raises(ValueError, match=r"my_package\.mine\.Toy"):
        load_model(card)
