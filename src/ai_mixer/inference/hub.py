"""Push a model to a folder in the layout of the Hugging Face Hub, and pull one.

The folder has `model.safetensors`, `model.json` and `README.md`: the model card, with metadata at
the top as the Hub reads it. A local folder needs no other package; `hf://owner/name` is a
repository of the Hub and needs the package `huggingface_hub`.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ai_mixer.inference.hub_card import hub_readme
from ai_mixer.inference.seen_songs import SEEN_SONGS_FILE
from ai_mixer.inference.track_predictor import load_any_model
from ai_mixer.tracking.model_files import CARD_FILE, WEIGHTS_FILE, load_model_files
from ai_mixer.tracking.overrides import publishable_config
from ai_mixer.utils.atomic_write import write_bytes, write_text

README_FILE = "README.md"
FILES = (WEIGHTS_FILE, CARD_FILE, README_FILE)
OPTIONAL_FILES = (SEEN_SONGS_FILE,)  # digests only
HUB_PREFIX = "hf://"


def push(model: Path, destination: str, title: str, force: bool = False) -> str:
    """Write a model to a local folder or to a repository of the Hub. Return where it is.

    model: folder with model.json, of a run or a packaged model. title: name on the card. force:
    replace a model in a local folder. The config is written without paths of this machine.
    FileExistsError if the folder has a model; ValueError if the model is damaged; OSError if the
    Hub refuses the upload.
    """
    if destination.startswith(HUB_PREFIX):
        repository, _ = _parse_repository(destination)
        with tempfile.TemporaryDirectory() as folder:
            _write_files(model, Path(folder), title)
            with _hub_errors(destination) as hub:
                hub.create_repo(repository, exist_ok=True)
                url = hub.HfApi().upload_folder(repo_id=repository, folder_path=folder)
        return str(url)
    target = Path(destination)
    _check_free(target, force)
    _write_files(model, target, title)
    return str(target)


def pull(source: str, destination: Path, force: bool = False) -> Path:
    """Copy a model from a local folder or the Hub to `destination`, checked. Return that folder.

    source: a folder, `hf://owner/name` or `hf://owner/name@revision`. force: replace a model in the
    destination. FileNotFoundError or OSError if the source has no model; FileExistsError if the
    destination has one; ValueError if the weights do not have the digest of the card, or if the
    card names code outside the allowed packages.
    """
    _check_free(destination, force)
    with _local_copy(source) as folder:
        load_any_model(folder)  # checks format, digest, targets and shapes
        destination.mkdir(parents=True, exist_ok=True)
        for name in (*FILES, *OPTIONAL_FILES):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, destination / name)
    return destination


def run_title(folder: Path) -> str:
    """Return the name of the run that a model's folder belongs to, for its card."""
    return str(load_model_files(folder)[1]["config"].get("run_name", folder.name))


def _write_files(model: Path, target: Path, title: str) -> None:
    _, card = load_model_files(model)  # checks the digest
    readme = hub_readme(model, card, title)
    published = {**card, "config": publishable_config(card["config"])}
    write_bytes(target / WEIGHTS_FILE, (model / WEIGHTS_FILE).read_bytes())
    write_text(target / CARD_FILE, json.dumps(published, indent=2, ensure_ascii=False))
    write_text(target / README_FILE, readme)
    for name in OPTIONAL_FILES:
        if (model / name).is_file():
            write_bytes(target / name, (model / name).read_bytes())


def _check_free(folder: Path, force: bool) -> None:
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not force:
        raise FileExistsError(f"{folder / taken[0]} exists: --force replaces it")


@contextmanager
def _local_copy(source: str) -> Iterator[Path]:
    """The source as a local folder."""
    if not source.startswith(HUB_PREFIX):
        if not Path(source).is_dir():
            raise FileNotFoundError(f"{source}: no such folder; a repository is hf://owner/name")
        yield Path(source)
        return
    repository, revision = _parse_repository(source)
    with _hub_errors(source) as hub:
        folder = hub.snapshot_download(
            repository, revision=revision, allow_patterns=[*FILES, *OPTIONAL_FILES]
        )
    yield Path(folder)


def _parse_repository(address: str) -> tuple[str, str | None]:
    """Repository and revision of `hf://owner/name[@revision]`. ValueError for another form."""
    name, _, revision = address.removeprefix(HUB_PREFIX).partition("@")
    if name.count("/") != 1 or not all(name.split("/")):
        raise ValueError(f"{address}: not of the form hf://owner/name or hf://owner/name@revision")
    return name, revision or None


@contextmanager
def _hub_errors(address: str) -> Iterator[Any]:
    """The package `huggingface_hub`; its errors, and its absence, in one line."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise OSError(f"{address} needs: pip install 'ai-mixer[encoders]'") from error
    try:
        yield huggingface_hub
    except (OSError, ValueError) as error:  # its errors are OSErrors with several lines
        raise OSError(f"{address}: {str(error).strip().splitlines()[0]}") from error
