"""The wheel has the tracked config files only, and works without the repository."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from ai_mixer.config.folder import config_folder

pytest.importorskip("hatchling", reason="part of the extra `dev`")

ROOT = config_folder().parent
FILES = ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py", ".gitignore")
PRIVATE = (  # of the person who builds
    "configs/local/default.yaml",
    "configs/experiment/sweep/mine.yaml",
    "configs/model/mine.yaml",
    "outputs/configs/experiment/sweep/mine.yaml",
)


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with the files of this one that a build reads, and files that are private."""
    root = tmp_path_factory.mktemp("repository")
    for name in (*FILES, "src", "configs"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    for name in PRIVATE:
        (root / name).unlink(missing_ok=True)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    for name in PRIVATE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret: true\n")
    return root


@pytest.fixture(scope="module")
def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_config_files_of_a_build_are_those_that_git_tracks(hook, repository, tmp_path):
    files = hook.config_files(repository)
    assert files == git(repository, "ls-files", "configs").splitlines()
    assert "configs/stage/train.yaml" in files
    assert not {*PRIVATE} & {*files}
    shutil.copytree(repository / "configs", tmp_path / "unpacked" / "configs")
    git(tmp_path, "init", "-q")  # another repository, around an unpacked source archive
    assert set(files) < set(hook.config_files(tmp_path / "unpacked"))


@pytest.fixture(scope="module")
def built(repository, tmp_path_factory):
    """Folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=repository, capture_output=True, check=True)
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Folder with the contents of the wheel."""
    (wheel,) = built.glob("*.whl")
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.slow
def test_wheel_has_the_tracked_files_of_configs_and_package(installed, repository):
    tracked = git(repository, "ls-files", "configs", "src").splitlines()
    expected = {
        name.removeprefix("src/").replace("configs/", "ai_mixer/configs/") for name in tracked
    }
    files = {
        file.relative_to(installed).as_posix()
        for file in (installed / "ai_mixer").rglob("*")
        if file.is_file()
    }
    assert files == expected


def test_source_archive_has_no_private_files(built):
    (archive,) = built.glob("*.tar.gz")
    names = subprocess.run(
        ["tar", "tzf", archive], capture_output=True, text=True, check=True
    ).stdout
    assert "configs/stage/train.yaml\n" in names
    assert "src/ai_mixer/__init__.py\n" in names
    assert not [name for name in PRIVATE if name in names]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "overrides"), [("listen", []), ("sweep", ["resume=last"])])
def test_errors_of_an_installed_wheel_name_its_commands(installed, tmp_path, target, overrides):
    command = [sys.executable, "-m", f"ai_mixer.cli.stages.{target}"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [*command, *overrides],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "python -m ai_mixer.cli.stages." in error
    assert "make " not in error
