"""`make evaluate` and `make render` of a packaged model, which is not a run."""

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.cli.stages import evaluate, listen, render
from ai_mixer.cli.stages.package import package
from ai_mixer.data.folder import ROOT_VARIABLE
from ai_mixer.inference import pretrained
from ai_mixer.tracking import load_model_files, save_model
from ai_mixer.tracking.run_lookup import results_folder

QUICK = ("excerpts_per_song=1", "speed=false", "systems=[rough]", "condition=blind")
SHORT = ("songs=1", "seconds=1")


@pytest.fixture
def packaged(tmp_path, monkeypatch, trained, at_home):
    """A packaged model without seen songs, so that the music of the tests is not left out."""
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    target = package(tmp_path, trained.folder, "my_model", "It mixes.", None)
    return target, {file.name for file in target.iterdir()}


@pytest.mark.slow
def test_with_data_it_is_evaluated_and_rendered(packaged, command, home, songs_folder, monkeypatch):
    """Results go to outputs/, also from the Python API's folder of the package."""
    target, files = packaged
    data = ("data=folder", f"data.root={songs_folder}", f"paths.outputs={home / 'results'}")
    output = command(evaluate, f"run={target}", *data, *QUICK)
    tables = home / "results" / "models" / "my_model" / "eval" / "folder-test-blind" / "tables.md"
    assert output.splitlines()[-1] == str(tables)
    assert tables.is_file()
    page = home / "results" / "models" / "my_model" / "listening" / "index.html"
    assert command(render, f"run={target}", *data, *SHORT).splitlines()[-1] == str(page)
    assert page.is_file()
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    command(listen, f"run={target}", data[-1])
    assert opened == [page.as_uri()]
    assert {file.name for file in target.iterdir()} == files


@pytest.mark.slow
def test_without_data_results_are_not_written_into_the_package(
    packaged, command, home, songs_folder, compose, monkeypatch
):
    """A model of `data=folder`; its songs are those of the environment variable."""
    target, files = packaged
    weights, card = load_model_files(target)
    card["config"]["data"] = OmegaConf.to_container(compose("data=folder").data, resolve=True)
    save_model(target, weights, {k: v for k, v in card.items() if k != "weights_sha256"})
    monkeypatch.setenv(ROOT_VARIABLE, str(songs_folder))
    command(evaluate, f"run={target}", f"paths.outputs={home / 'own'}", *QUICK)
    folder = home / "own" / "models" / "my_model" / "eval"
    assert (folder / "folder-test-blind" / "tables.md").is_file()
    assert {file.name for file in target.iterdir()} == files


def test_without_data_and_folder_the_error_says_what_to_give(packaged, command, capsys):
    """The path of the band's songs is no part of a packaged model."""
    with pytest.raises(SystemExit):
        command(evaluate, f"run={packaged[0]}", *QUICK)
    assert "data.source.root is not set: give data=band" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fma", "gtzan", "musdb18"])
def test_collection_without_a_folder_is_an_error(name, compose):
    source = compose(f"data={name}").data.source
    source.root = None
    with pytest.raises(
        InstantiationException, match=f"data.root is not set: give data={name} data.root="
    ):
        instantiate(source)


def test_results_of_a_run_are_written_to_it(trained, tmp_path):
    assert results_folder(trained.folder, tmp_path) == trained.folder
    assert results_folder(tmp_path / "model", "outputs").as_posix() == "outputs/models/model"
