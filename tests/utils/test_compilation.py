"""Compiled functions where no cache folder can be written."""

import multiprocessing
import os
import queue
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

import ai_mixer
from ai_mixer.dsp import recursions
from ai_mixer.dsp.recursions import second_order
from ai_mixer.utils import compilation

KERNEL = """
from ai_mixer.utils.compilation import njit
@njit(cache=True, nogil=True)
def double(x):
    return 2.0 * x
@njit(cache=True, nogil=True)
def triple(x):
    return 3.0 * x
print(double(1.5), triple(1.5))
"""


def run_kernel(folder, temporary):
    """Run compiled code from a folder without a cache, with a home that cannot be used."""
    (folder / "__pycache__").write_text("not a folder")
    (folder / "kernel.py").write_text(KERNEL)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    environment |= {"TMPDIR": str(temporary)}
    return subprocess.run(
        [sys.executable, str(folder / "kernel.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compiled_code_is_kept_in_a_temporary_folder_of_the_user(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = run_kernel(tmp_path, temporary)
    assert (done.stdout, done.returncode) == ("3.0 4.5\n", 0), done.stderr
    (line,) = done.stderr.splitlines()
    (folder,) = temporary.iterdir()
    assert str(folder) in line
    assert list(folder.rglob("*.nbc"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_can_write_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(compilation.tempfile, "tempdir", str(tmp_path))
    shared = compilation._private_folder()
    shared.chmod(0o777)
    other = compilation._private_folder()
    assert other != shared
    assert stat.S_IMODE(other.stat().st_mode) == 0o700
    shared.rmdir()
    shared.symlink_to(other)
    assert compilation._private_folder() not in {shared, other}


def test_without_any_folder_the_code_is_compiled_at_each_start(monkeypatch, log):
    def no_folder():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(compilation, "_private_folder", no_folder)
    compilation._set_temporary_cache.cache_clear()
    assert not compilation._set_temporary_cache()
    compilation._set_temporary_cache.cache_clear()
    assert "no usable temporary directory" in log.text


def test_every_compiled_function_has_the_fallback():
    sources = Path(ai_mixer.__file__).parent.rglob("*.py")
    direct = [
        path.name
        for path in sources
        if re.search(r"numba\.n?jit|numba import .*jit", path.read_text())
    ]
    assert direct == ["compilation.py"]


@pytest.mark.parametrize("message", ["cannot cache function 'f': no locator available", "other"])
def test_other_errors_of_numba_are_raised(monkeypatch, message):
    def njit(cache, **_):
        raise RuntimeError(message)

    monkeypatch.setattr(compilation.numba, "njit", njit)
    monkeypatch.setattr(compilation, "_set_temporary_cache", lambda: False)
    with pytest.raises(RuntimeError, match=message):
        compilation.njit(cache=True)(len)


def test_code_is_compiled_again_if_a_file_that_it_imports_has_changed(tmp_path, monkeypatch):
    package = tmp_path / "src" / "ai_mixer"
    (package / "dsp").mkdir(parents=True)
    sources = {
        "leaf": "RATE = 1\n",
        "middle": "from ai_mixer.dsp.leaf import (\n    RATE,\n)\n",
        "top": "from ai_mixer.dsp import middle\n",
        "other": "RATE = 1\n",
    }
    for name, text in sources.items():
        (package / "dsp" / f"{name}.py").write_text(text)
    monkeypatch.setattr(compilation, "_PROJECT", package)

    def version():
        compilation._sources_version.cache_clear()
        return compilation._sources_version(str(package / "dsp" / "top.py"))

    first = version()
    (package / "dsp" / "other.py").write_text("RATE = 2\n")
    assert version() == first
    (package / "dsp" / "leaf.py").write_text("RATE = 2\n")
    assert version() != first


def test_the_cache_of_numba_takes_the_version_of_the_sources():
    """By a private attribute of numba, the only way."""
    file = second_order._cache._cache_file
    assert file._source_stamp[1] == compilation._sources_version(recursions.__file__)


class FolderCache:
    """What `_LockedCache` needs of numba's cache."""

    def __init__(self, folder):
        self.cache_path, self._cache_file, self.file = folder, self, folder / "code"
        self._index_name = "function.nbi"

    def load_overload(self, signature, target_context):
        return self.file.read_text() if self.file.exists() else None

    def save_overload(self, signature, code):
        if code == "too large":
            raise OSError("no space left on device")
        self.file.write_text(code)


def caches(folder):
    return [compilation._LockedCache(FolderCache(folder)) for _ in range(2)]


def test_a_function_is_compiled_by_one_of_several_processes(tmp_path):
    first, second = caches(tmp_path)
    assert first.load_overload("f8", None) is None  # and compiles now
    found = queue.Queue()
    waiting = threading.Thread(target=lambda: found.put(second.load_overload("f8", None)))
    waiting.start()
    with pytest.raises(queue.Empty):
        found.get(timeout=0.2)
    first.save_overload("f8", "compiled")
    assert found.get(timeout=30) == "compiled"
    waiting.join()
    assert first.load_overload("f8", None) == "compiled"


def test_code_that_cannot_be_kept_does_not_lock_others_out(tmp_path):
    first, second = caches(tmp_path)
    assert first.load_overload("f8", None) is None
    with pytest.raises(OSError, match="no space"):
        first.save_overload("f8", "too large")
    assert second.load_overload("f8", None) is None
    second.save_overload("f8", "compiled")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_copy_of_the_process_compiles_too(tmp_path):
    """The workers of a loader are copies of a process that may have compiled before."""
    first, second = caches(tmp_path)
    assert first.load_overload("f8", None) is None
    first.save_overload("f8", "compiled")
    (tmp_path / "code").unlink()
    copy = multiprocessing.get_context("fork").Process(
        target=lambda: (first.load_overload("f8", None), first.save_overload("f8", "by the copy"))
    )
    copy.start()
    copy.join()
    assert copy.exitcode == 0
    assert second.load_overload("f8", None) == "by the copy"


@pytest.mark.parametrize("error", [filelock.Timeout("lock"), PermissionError("read-only")])
def test_without_a_lock_each_process_compiles(tmp_path, monkeypatch, error):
    cache, _ = caches(tmp_path)

    def acquire(self):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    assert cache.load_overload("f8", None) is None
    cache.save_overload("f8", "compiled")
    assert cache.load_overload("f8", None) == "compiled"
