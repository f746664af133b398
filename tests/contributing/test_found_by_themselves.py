"""The contract tests find a new file by import."""

import importlib
import importlib.util
import os
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

AUGMENT = """\
from ai_mixer.augment.augment import SharedAugment
class Toy(SharedAugment):
    def process(self, audio):
        return audio
"""
METRIC = """\
def toy(mix, finished):
    return (mix - finished).square().mean((1, 2))
"""
FINDERS = {  # package: file of the contract test, and its function that finds the parts
    "losses": ("losses/conftest.py", "_all_terms"),
    "effects": ("effects/test_laws.py", "effect_classes"),
    "models": ("models/test_contract.py", "models_by_import"),
    "augment": ("augment/test_contract.py", "steps_by_import"),
    "metrics": ("metrics/test_contract.py", "distances_by_import"),
}


@pytest.fixture
def package_folder(tmp_path, monkeypatch, unload_toys):
    """Function: name of a package → a new folder in its search path."""

    def add(group):
        package = importlib.import_module(f"ai_mixer.{group}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / group)])
        (tmp_path / group).mkdir()
        return tmp_path / group

    return add


def parts_under_test(tests, group):
    """Names of the parts that the contract test of a package tests."""
    file, function = FINDERS[group]
    spec = importlib.util.spec_from_file_location(f"contract_of_{group}", tests / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [part.__name__ for part in getattr(module, function)()]


def toy(guide, group):
    """The code of a package's toy."""
    parts = {package: part for part, package in guide.groups.items()}
    if group in parts:
        return (guide.toys / parts[group] / f"src/ai_mixer/{group}/toy.py").read_text()
    return {"augment": AUGMENT, "metrics": METRIC}[group]


@pytest.mark.parametrize("group", FINDERS)
def test_new_file_is_found(group, guide, package_folder):
    name = "toy" if group == "metrics" else "Toy"
    assert name not in parts_under_test(guide.root / "tests", group)
    (package_folder(group) / "toy.py").write_text(toy(guide, group))
    assert name in parts_under_test(guide.root / "tests", group)


def test_readme_and_train_yaml_name_the_folders_of_a_new_loss(guide, package_folder):
    """In the defaults list, the chart, the links and the example."""
    readme = (guide.root / "README.md").read_text(encoding="utf-8")
    contents = (guide.root / "configs" / "stage" / "train.yaml").read_text(encoding="utf-8")

    # 1. The defaults list has one line for the loss, which names two folders.
    (line,) = re.findall(r"^  - /loss: .*$", contents, re.MULTILINE)
    pages, code = re.search(r"(configs/\S+\w).*?(\w+)/$", line).groups()
    # 2. The README's chart has that second folder where losses are computed …
    assert re.search(rf"^ losses,.*\n.* {code}/", readme, re.MULTILINE)
    # 3. … and all code that the README links to lies in one package.
    package = os.path.commonpath(re.findall(r"\((src/\S+\.py)\)", readme))
    # 4. Its example chooses terms by the pages of the first folder.
    chosen = re.search(rf"make train '{pages.removeprefix('configs/')}=\[([\w,]+)\]'", readme)
    assert chosen

    answer = {"code": Path(package, code), "page": Path(pages)}
    assert all((guide.root / folder).is_dir() for folder in answer.values())
    for term in chosen[1].split(","):
        ((_, entry),) = OmegaConf.load(guide.root / answer["page"] / f"{term}.yaml").items()
        module = entry.term._target_.rpartition(".")[0].replace(".", "/")
        assert (guide.root / "src" / f"{module}.py").parent == guide.root / answer["code"]

    # CONTRIBUTING.md names the same folders, and a toy in them is found.
    steps = guide.steps("loss")
    assert guide.paths(steps[0]) == [f"{answer['code']}/<name>.py"]
    assert guide.paths(steps[1]) == [f"{answer['page']}/<name>.yaml"]
    (package_folder(answer["code"].name) / "toy.py").write_text(toy(guide, "losses"))
    assert "Toy" in parts_under_test(guide.root / "tests", "losses")
