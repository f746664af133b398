"""Tests of the torchaudio shim: with the native extension, without it, with other errors."""

import importlib
import subprocess
import sys
import textwrap
from types import ModuleType

import pytest

from ai_mixer.utils import torchaudio_shim


def run(code):
    """Run code in a new process; returns the words of its output."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_mel_spectrogram_works_on_this_machine():
    """With or without the native extension."""
    shape = run(
        """
        import torch
        from ai_mixer.utils.torchaudio_shim import torchaudio
        mel = torchaudio.transforms.MelSpectrogram(44100, n_fft=1024, n_mels=64)
        out = mel(torch.randn(2, 44100))
        assert out.isfinite().all() and (out > 0).any()
        print(*out.shape[:2])
        """
    )
    assert shape == ["2", "64"]


@pytest.mark.slow
def test_torchaudio_works_without_its_native_extension():
    """Loading the extension raises OSError, as with a CPU-only torch."""
    printed = run(
        """
        import sys
        from importlib.abc import MetaPathFinder

        class Broken(MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name == "torchaudio._extension":
                    raise OSError("libc10_cuda.so: cannot open shared object file")

        sys.meta_path.insert(0, Broken())
        import torch
        from ai_mixer.utils.torchaudio_shim import torchaudio
        assert sys.modules["torchaudio"] is torchaudio
        mel = torchaudio.transforms.MelSpectrogram(16000, n_mels=40)
        resampled = torchaudio.functional.resample(torch.randn(1, 800), 16000, 8000)
        print(torchaudio._extension._IS_TORCHAUDIO_EXT_AVAILABLE, *mel(torch.randn(1, 800)).shape,
              resampled.shape[-1])
        """
    )
    assert printed == ["False", "1", "40", "5", "400"]


@pytest.fixture
def modules(monkeypatch):
    """sys.modules without torchaudio, restored afterwards."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    yield sys.modules
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_working_torchaudio_is_returned_unchanged(monkeypatch, modules):
    working = ModuleType("torchaudio")
    monkeypatch.setattr(importlib, "import_module", lambda name: working)
    assert torchaudio_shim._import_torchaudio() is working
    assert "torchaudio._extension" not in modules


def test_the_second_import_uses_the_stand_in_extension(monkeypatch, modules):
    attempts = []

    def once_broken(name):
        attempts.append("torchaudio._extension" in modules)
        modules["torchaudio.half_loaded"] = ModuleType("torchaudio.half_loaded")
        if len(attempts) == 1:
            raise OSError("libc10_cuda.so")
        return ModuleType(name)

    monkeypatch.setattr(importlib, "import_module", once_broken)
    torchaudio_shim._import_torchaudio()
    assert attempts == [False, True]
    extension = modules["torchaudio._extension"]
    assert extension._IS_TORCHAUDIO_EXT_AVAILABLE is False
    assert extension.fail_if_no_align(len) is len


@pytest.mark.parametrize("error", [ModuleNotFoundError("torchaudio"), RuntimeError("other")])
def test_other_errors_are_raised(monkeypatch, modules, error):
    def broken(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(type(error)):
        torchaudio_shim._import_torchaudio()
    assert "torchaudio._extension" not in modules
