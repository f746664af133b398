"""Models in the layout of the Hugging Face Hub: local folders, and calls of the Hub's package."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
import torch
import yaml

from ai_mixer.inference import hub, pretrained
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking.model_files import load_model_files, save_model
from helpers.signals import noise


def front_matter(folder):
    empty, front, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(front), body


@pytest.fixture
def run(two_models, tmp_path):
    """A run's folder: paths in the config, songs with licences, and tables."""
    weights, card = load_model_files(two_models / "baseline_cnn")
    card["config"] |= {"run_name": "mine", "paths": {"data": "/home/me/data"}}
    card["config"]["data"] = {"name": "folder", "root": "/home/me/music", "manifest": None}
    folder = save_model(tmp_path / "run", weights, card)
    (folder / "manifest.csv").write_text("song,licence\na,CC-BY-SA-3.0\nb,CC0\n")
    (folder / "overrides.json").write_text('["model=baseline_cnn", "data.root=/home/me/music"]')
    (folder / "eval").mkdir()
    (folder / "eval" / "tables.md").write_text(
        "## Protocol K\n\n| system | blind | reference | paired |\n| --- | --- | --- | --- |\n"
        "| mean_knobs | 0.00 [0.00, 0.00] | 0.00 | 0.00 |\n"
        "| model | -0.06 [-0.18, 0.05] | 0.25 [0.2, 0.3] | – |\n"
    )
    return folder


def test_a_pushed_run_can_be_pulled_and_predicts_the_same(run, tmp_path):
    pushed = hub.push(run, str(tmp_path / "pushed"), "mine")
    assert sorted(path.name for path in (tmp_path / "pushed").iterdir()) == sorted(hub.FILES)
    pulled = hub.pull(pushed, tmp_path / "pulled")
    audio = noise(1, 2, 44100)
    expected, knobs = (load_model(folder).predict(audio, 44100) for folder in (run, pulled))
    torch.testing.assert_close(knobs, expected, atol=0, rtol=0)


def test_metadata_has_licence_tags_and_metrics(run, tmp_path):
    hub.push(run, str(tmp_path / "pushed"), "mine")
    metadata, body = front_matter(tmp_path / "pushed")
    assert metadata["license"] == "cc-by-sa-4.0"
    assert "music" in metadata["tags"]
    (model,) = metadata["model-index"]
    values = {r["task"]["name"]: r["metrics"][0]["value"] for r in model["results"]}
    assert values == {"knob prediction, blind": -0.06, "knob prediction, reference": 0.25}
    assert body.lstrip().startswith("# mine\n")
    assert "share-alike" in body


def test_no_path_of_this_machine_is_published(run, tmp_path):
    hub.push(run, str(tmp_path / "pushed"), "mine")
    for name in ("README.md", "model.json"):
        assert "/home/me" not in (tmp_path / "pushed" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", pretrained.list_models())
def test_metadata_of_packaged_models(name, tmp_path):
    hub.push(pretrained.model_folder(name), str(tmp_path), pretrained.display_name(name))
    metadata, body = front_matter(tmp_path)
    assert metadata["license"] == "gpl-3.0"
    on_leaderboard = "Knobs (protocol K)" in body  # the others have no skill per condition
    assert len(metadata.get("model-index", [{"results": ()}])[0]["results"]) == 3 * on_leaderboard
    assert body.lstrip().startswith(f"# {pretrained.display_name(name)}\n")


def test_a_model_without_recorded_licences_is_unknown(two_models, tmp_path):
    hub.push(two_models / "baseline_cnn", str(tmp_path / "pushed"), "tiny")
    metadata, _ = front_matter(tmp_path / "pushed")
    assert metadata["license"] == "unknown"
    assert "model-index" not in metadata


def test_existing_models_are_replaced_only_by_force(run, tmp_path):
    pushed = str(tmp_path / "pushed")
    hub.push(run, pushed, "mine")
    with pytest.raises(FileExistsError, match="--force"):
        hub.push(run, pushed, "mine")
    hub.push(run, pushed, "mine", force=True)
    hub.pull(pushed, tmp_path / "pulled")
    with pytest.raises(FileExistsError, match="--force"):
        hub.pull(pushed, tmp_path / "pulled")


def test_damaged_or_foreign_models_are_not_pulled(run, tmp_path):
    pushed = tmp_path / "pushed"
    hub.push(run, str(pushed), "mine")
    target = json.loads((pushed / "model.json").read_text())
    target["config"]["model"]["_target_"] = "os.system"
    shutil.copytree(pushed, tmp_path / "foreign")
    (tmp_path / "foreign" / "model.json").write_text(json.dumps(target))
    weights = bytearray((pushed / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (pushed / "model.safetensors").write_bytes(weights)
    for source, message in ((pushed, "does not match"), (tmp_path / "foreign", "not among the")):
        with pytest.raises(ValueError, match=message):
            hub.pull(str(source), tmp_path / "pulled")
    with pytest.raises(FileNotFoundError, match="hf://owner/name"):
        hub.pull(str(tmp_path / "nothing"), tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    """A `huggingface_hub` whose repositories are folders."""
    root = tmp_path / "hub"

    def upload_folder(repo_id, folder_path):
        shutil.copytree(folder_path, root / repo_id, dirs_exist_ok=True)
        return f"https://hub/{repo_id}"

    def snapshot_download(repo_id, revision, allow_patterns):
        if revision is not None:
            raise OSError(f"no revision {revision}\nmore lines")
        assert set(allow_patterns) >= set(hub.FILES)
        return str(root / repo_id)

    package = SimpleNamespace(
        create_repo=lambda repo_id, exist_ok: (root / repo_id).mkdir(parents=True, exist_ok=True),
        HfApi=lambda: SimpleNamespace(upload_folder=upload_folder),
        snapshot_download=snapshot_download,
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", package)
    return root


def test_repositories_of_the_hub(run, tmp_path, fake_hub):
    assert hub.push(run, "hf://me/mine", "mine") == "https://hub/me/mine"
    assert sorted(path.name for path in (fake_hub / "me/mine").iterdir()) == sorted(hub.FILES)
    assert load_model(hub.pull("hf://me/mine", tmp_path / "pulled")).console.knobs
    with pytest.raises(OSError, match=r"^hf://me/mine@v9: no revision v9$"):
        hub.pull("hf://me/mine@v9", tmp_path / "other")
    with pytest.raises(ValueError, match="hf://owner/name"):
        hub.pull("hf://mine", tmp_path / "other")


def test_the_hub_needs_its_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(OSError, match="pip install"):
        hub.push(run, "hf://me/mine", "mine")
