"""The notebooks are stored without outputs and run on small data."""

import ast
import json
import re

import pytest

from ai_mixer.config.folder import config_folder

FOLDER = config_folder().parent / "notebooks"
PAGES = FOLDER.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = ["data.source.songs=6", "data.source.duration_s=5", "loader.excerpt_s=1"]

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_four_notebooks_exist():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_"]


@each
def test_notebook_has_no_outputs(path):
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@each
def test_notebook_has_a_title_valid_code_and_one_parameter_cell(path):
    first = "".join(cells(path, "markdown")[0]["source"])
    assert first.startswith(f"# {path.stem[0]} ")
    for cell in cells(path, "code"):
        ast.parse("".join(cell["source"]))
    tagged = [c for c in cells(path, "code") if c["metadata"].get("tags") == ["parameters"]]
    assert len(tagged) == 1


@each
def test_the_page_has_the_code_of_the_notebook_and_its_pictures(path):
    """`make notebooks` writes the pages after a change."""
    page = PAGES / f"{path.stem}.md"
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    assert code == ["".join(cell["source"]) for cell in cells(path, "code")]
    pictures = set(re.findall(r"!\[output\]\((.*?)\)", text))
    assert pictures == {file.name for file in PAGES.glob(f"{path.stem}-*.png")}
    assert pictures
    assert "\n```\n" in text  # outputs as text


@pytest.mark.slow
@each
@pytest.mark.filterwarnings("default")  # warnings of the kernel
def test_notebook_runs_on_small_data(path, home, trained, tmp_path):
    """With smaller values of its parameters; an error of a cell fails the test."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: the dev extra")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: the dev extra")
    notebook = nbformat.read(path, as_version=4)
    index = [cell.metadata.get("tags") for cell in notebook.cells].index(["parameters"])
    overrides = [*SMALL, f"paths.data={home / 'data'}"]
    code = (
        f"OVERRIDES = [*globals().get('OVERRIDES', []), *{overrides}]\n"
        f"MLRUNS = {str(home / 'mlruns')!r}\n"
    )
    code += "SONGS, STEPS = 2, 3\n"
    notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(code))
    options = {"timeout": 300, "kernel_name": "python3"}
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, resources=resources, **options).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
