"""A new file is under test at once: the contract tests find it by import."""

import importlib
import importlib.util
import os
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

AUGMENT = """\
from ai_mixer.augment.augment import Flip
class Toy(Flip):
    def change(self, audio):
        return audio
"""
METRIC = """\
def toy(mix, finished):
    return (mix - finished).square().mean((1, 2))
"""
FINDERS = {  # package of ai_mixer: file of the contract test, and its function that looks
    "losses": ("losses/conftest.py", "_all_terms"),
    "effects": ("effects/test_laws.py", "effect_classes"),
    "models": ("models/test_contract.py", "models_by_import"),
    "augment": ("augment/test_contract.py", "steps_by_import"),
    "metrics": ("metrics/test_contract.py", "distances_by_import"),
}


@pytest.fixture
def annexe(tmp_path, monkeypatch, forgetful):
    """A function: a folder that counts as part of a package of ai_mixer."""

    def join(group):
        package = importlib.import_module(f"ai_mixer.{group}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / group)])
        (tmp_path / group).mkdir()
        return tmp_path / group

    return join


def found(tests, group):
    """The names of what the contract test of a group would test."""
    file, function = FINDERS[group]
    spec = importlib.util.spec_from_file_location(f"contract_of_{group}", tests / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [part.__name__ for part in getattr(module, function)()]


def toy(guide, group):
    """The code of the toy of a group."""
    parts = {where: part for part, where in guide.groups.items()}
    if group in parts:
        return (guide.toys / parts[group] / f"src/ai_mixer/{group}/toy.py").read_text()
    return {"augment": AUGMENT, "metrics": METRIC}[group]


@pytest.mark.parametrize("group", FINDERS)
def test_a_new_file_is_found(group, guide, annexe):
    name = "toy" if group == "metrics" else "Toy"
    assert name not in found(guide.root / "tests", group)
    (annexe(group) / "toy.py").write_text(toy(guide, group))
    assert name in found(guide.root / "tests", group)


def test_who_reads_only_readme_and_train_yaml_knows_where_a_new_loss_goes(guide, annexe):
    """Followed word by word: the table of contents, the chart, the links, the example."""
    readme = (guide.root / "README.md").read_text(encoding="utf-8")
    contents = (guide.root / "configs" / "stage" / "train.yaml").read_text(encoding="utf-8")

    # 1. The table of contents has one line on the loss, and it names two folders.
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

    # It is where CONTRIBUTING sends one, and a toy put there is found.
    steps = guide.steps("loss")
    assert guide.places(steps[0]) == [f"{answer['code']}/<name>.py"]
    assert guide.places(steps[1]) == [f"{answer['page']}/<name>.yaml"]
    (annexe(answer["code"].name) / "toy.py").write_text(toy(guide, "losses"))
    assert "Toy" in found(guide.root / "tests", "losses")
