"""The notebooks: stored without outputs, and they run from top to bottom on tiny data."""

import ast
import json

import pytest

from ai_mixer.config.folder import config_folder

FOLDER = config_folder().parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = ["data.source.songs=6", "data.source.duration_s=5", "loader.excerpt_s=1"]

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def test_they_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_"]


@each
def test_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@each
def test_it_says_what_it_is_and_can_be_read_as_python(path):
    first = "".join(cells(path, "markdown")[0]["source"])
    assert first.startswith(f"# {path.stem[0]} ")
    for cell in cells(path, "code"):
        ast.parse("".join(cell["source"]))
    tagged = [c for c in cells(path, "code") if c["metadata"].get("tags") == ["parameters"]]
    assert len(tagged) == 1


@pytest.mark.slow
@each
@pytest.mark.filterwarnings("default")  # of the kernel's machinery
def test_it_runs_on_tiny_data(path, home, trained, tmp_path):
    """With what a reader may change at its top set to less; any error of a cell fails."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: the dev extra")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: the dev extra")
    notebook = nbformat.read(path, as_version=4)
    place = [cell.metadata.get("tags") for cell in notebook.cells].index(["parameters"])
    words = [*SMALL, f"paths.data={home / 'data'}"]
    given = (
        f"OVERRIDES = [*globals().get('OVERRIDES', []), *{words}]\n"
        f"MLRUNS = {str(home / 'mlruns')!r}\n"
    )
    given += "SONGS, STEPS = 2, 3\n"
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(given))
    options = {"timeout": 300, "kernel_name": "python3"}
    here = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, resources=here, **options).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
