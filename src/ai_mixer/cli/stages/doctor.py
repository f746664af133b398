"""Doctor: check this machine and installation; one line per check."""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

OK, HINT, BAD = "ok  ", "hint", "BAD "
DPF = Path("/usr/share/dpf")  # of Debian's dpf-source


def run_checks() -> Iterator[tuple[str, str]]:
    """Yield (verdict, text) of every check; a check that raises is BAD."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            yield BAD, f"{check.__name__.strip('_')}: {type(error).__name__}: {error}"


def _python() -> tuple[str, str]:
    return OK, f"Python {sys.version.split()[0]}"


def _machine() -> tuple[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    text = f"{os.cpu_count()} cores, {memory:.0f} GiB memory"
    return (OK, text) if memory >= 6 else (HINT, f"{text}: use loader.batch_size=8 below 6 GiB")


def _disk() -> tuple[str, str]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    text = f"{free:.0f} GiB of disk free here"
    return (OK, text) if free >= 5 else (HINT, f"{text}: the band needs 1, a run up to 0.1")


def _torch() -> tuple[str, str]:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return OK, f"torch {torch.__version__} on {device}"


def _torchaudio() -> tuple[str, str]:
    from ai_mixer.utils.torchaudio_shim import torchaudio

    native = torchaudio._extension._IS_TORCHAUDIO_EXT_AVAILABLE
    with_or_without = "with" if native else "without (not needed)"
    return OK, f"torchaudio {torchaudio.__version__} {with_or_without} its native extension"


def _console() -> tuple[str, str]:
    import torch

    from ai_mixer.console import load_console

    console = load_console()
    second = torch.zeros(1, 2, 44100)
    console(second, 44100, console.neutral[None])
    return OK, f"console classic: {len(console.knobs)} knobs"


def _band() -> tuple[str, str]:
    import pretty_midi

    font = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    if not font.is_file():
        return BAD, f"{font} is missing: pip install --force-reinstall pretty_midi"
    return OK, f"sound font {font.name}"


def _store() -> tuple[str, str]:
    from omegaconf import OmegaConf

    from ai_mixer.config.folder import config_folder
    from ai_mixer.config.local_settings import apply_local_settings

    cfg = OmegaConf.create({"paths": OmegaConf.load(config_folder() / "paths" / "default.yaml")})
    apply_local_settings(cfg)
    folder = Path(cfg.paths.mlruns)
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    if not os.access(existing, os.W_OK):
        return BAD, f"{folder.resolve()} is not writable: set paths.mlruns=/a/folder/of/yours"
    return OK, f"MLflow {importlib.metadata.version('mlflow')}, runs in {folder}/"


def _music() -> tuple[str, str]:
    root = os.environ.get("AI_MIXER_MUSIC")
    if not root:
        text = "AI_MIXER_MUSIC is not set: music tests are skipped, data=folder needs data.root"
        return HINT, text
    return (OK if Path(root).is_dir() else BAD), f"AI_MIXER_MUSIC={root}"


def _browser() -> tuple[str, str]:
    if shutil.which("chromedriver"):
        return OK, "chromedriver"
    return HINT, "no chromedriver: browser tests are skipped"


def _engine() -> tuple[str, str]:
    from ai_mixer.plugin.toolchain import REQUIRED, has_zig, native_target, wrong_versions

    others = wrong_versions()
    if others:
        return HINT, f"the engine in C needs {others}: pip install 'ai-mixer[engine]'"
    versions = " and ".join(f"{name} {version}" for name, version in REQUIRED.items())
    if native_target() is None:
        return HINT, "no gcc: the engine in C cannot be built for this machine"
    if not has_zig():
        text = f"engine in C: gcc, {versions}; no ziglang: only for this machine"
        return HINT, f"{text} (pip install 'ai-mixer[engine]')"
    return OK, f"engine in C: gcc, ziglang, {versions}"


def _plugins() -> tuple[str, str]:
    from ai_mixer.plugin.bundles import headers_of

    try:
        headers_of(DPF)
    except ValueError:
        return HINT, "no headers for plug-ins: sudo apt install dpf-source"
    return OK, f"headers for plug-ins in {DPF}"


CHECKS: tuple[Callable[[], tuple[str, str]], ...] = (
    _python,
    _machine,
    _disk,
    _torch,
    _torchaudio,
    _console,
    _band,
    _store,
    _music,
    _browser,
    _engine,
    _plugins,
)


def main() -> int:
    """Print all checks; return 1 if one is BAD."""
    failed = False
    for verdict, text in run_checks():
        print(f"{verdict}  {text}")
        failed |= verdict == BAD
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
