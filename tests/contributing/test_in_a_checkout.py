"""The four steps in a copy of the checkout: its tests find the toys and pass.

Existing tests pass unchanged, although the console has two knobs more, one of an effect without a
live form, and there is a second console. The commands train, evaluate and mix with every part.
"""

import os
import shutil
import subprocess
import sys

import pytest
import soundfile

from helpers.consoles import add_knob, write_console
from helpers.signals import noise

pytestmark = pytest.mark.slow

CHECKED = ("src", "configs", "Makefile", "pyproject.toml", "README.md", "CONTRIBUTING.md", "docs")
TESTED = [  # tests of the toys, contract tests and configs
    "tests/losses",
    "tests/effects/test_laws.py",
    "tests/effects/test_derivatives.py",
    "tests/effects/test_toy.py",
    "tests/models/test_contract.py",
    "tests/models/test_toy.py",
    "tests/data/test_toy.py",
    "tests/configs/test_every_option.py",
]
KNOB_TESTS = ["tests/console", "tests/test_public_api.py", "tests/cli/stages/test_load_model.py"]


@pytest.fixture(scope="module")
def checkout(guide, tmp_path_factory):
    """A copy of the checkout with all four toys."""
    root = tmp_path_factory.mktemp("checkout")
    for name in CHECKED:
        copy = shutil.copytree if (guide.root / name).is_dir() else shutil.copy
        copy(guide.root / name, root / name)
    without = shutil.ignore_patterns("contributing", "__pycache__")
    shutil.copytree(guide.root / "tests", root / "tests", ignore=without)
    (root / "configs" / "local" / "default.yaml").unlink(missing_ok=True)
    for part in guide.groups:
        guide.add_files(part, root)
    add_knob(root / "configs")
    write_console(root / "configs")
    return root


def run(checkout, *arguments):
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_copy_is_imported(checkout):
    printed = run(checkout, "-c", "import ai_mixer.losses.toy as toy; print(toy.__file__)")
    assert printed.strip().startswith(str(checkout))


def test_toys_pass_ruff(checkout, guide):
    toys = [file.as_posix() for file in checkout.rglob("*toy.py")]
    assert len(toys) == 2 * len(guide.groups)
    run(checkout, "-m", "ruff", "check", *toys)
    run(checkout, "-m", "ruff", "format", "--check", *toys)


def test_contract_tests_find_and_pass_the_toys(checkout):
    printed = run(checkout, "-m", "pytest", "-vv", "-k", "toy or Toy or mine", *TESTED)
    passed = [line for line in printed.splitlines() if "PASSED" in line]
    for law in (
        "test_term.py::test_zero_at_equality[",
        "test_laws.py::test_knob_changes_the_audio[",
        "test_derivatives.py::test_second_derivatives_are_exact[",
        "test_contract.py::test_every_weight_can_learn[",
        "trains_one_step[loss/term=toy]",
        "trains_one_step[model=toy]",
        "trains_one_step[data=toy]",
        "trains_one_step[console=mine]",
        "trains_one_step[ranges=mine/wide]",
        "losses/test_toy.py",
        "effects/test_toy.py",
        "models/test_toy.py",
        "data/test_toy.py",
    ):
        assert any(law in line for line in passed), f"{law} is not among\n" + "\n".join(passed)


SELECTED = {
    "loss": ["loss/term=[knobs,toy]"],
    "model": ["model=toy"],
    "dataset": ["data=toy"],
    "effect and knob": [],
    "console": ["console=mine"],
}


@pytest.mark.parametrize("part", SELECTED)
def test_commands_train_evaluate_and_mix_with_the_part(part, checkout, songs_folder, tmp_path):
    data = ["data=folder"] if part != "dataset" else []
    model = ["model=mean_knobs"] if part != "model" else []
    overrides = [*SELECTED[part], *data, f"data.root={songs_folder}", "excerpt=1", *model]
    paths = [f"paths.{name}={tmp_path / name}" for name in ("data", "outputs", "mlruns")]
    stage = ("-m", "ai_mixer.cli.stages")
    run(checkout, stage[0], f"{stage[1]}.train", "debug=fast", *overrides, *paths)
    run(checkout, stage[0], f"{stage[1]}.evaluate", "run=last", "systems=[rough]", *paths)
    (card,) = (tmp_path / "mlruns").rglob("model.json")
    soundfile.write(tmp_path / "song.wav", noise(2, seconds=3.0).T.numpy(), 44100)
    song, mix = str(tmp_path / "song.wav"), str(tmp_path / "mix.wav")
    run(checkout, "-m", "ai_mixer.cli", "mix", song, "-o", mix, "--model", str(card.parent))
    assert (tmp_path / "mix.wav").is_file()


def test_existing_tests_pass_with_an_additional_knob(checkout):
    run(checkout, "-m", "pytest", "-m", "not slow and not music", *KNOB_TESTS)
