"""Executes the notebooks and writes docs/notebooks/: a page each, with outputs and pictures.

`make notebooks` runs it, and the pages are committed: `make docs` neither executes a notebook nor
needs a network. The runs that the last notebook reads are trained for the pages, unless a folder of
runs is given:

    python docs/notebook_pages.py [FOLDER OF RUNS]
"""

import base64
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOKS, PAGES = ROOT / "notebooks", ROOT / "docs" / "notebooks"
TRAIN = ("-m", "ai_mixer.cli.stages.train", "debug=fast", "trainer.max_epochs=3", "quiet=true")
SEEDS = (0, 1)
NOTE = "Executed by `make notebooks`; the notebook is `notebooks/{name}.ipynb`.\n"
MAX_LINES = 40  # of an output


def execute(path: Path, mlruns: Path) -> Any:
    """Return the executed notebook. mlruns: folder of runs in place of its parameter."""
    notebook = nbformat.read(path, as_version=4)
    index = [cell.metadata.get("tags") for cell in notebook.cells].index(["parameters"])
    hidden = nbformat.v4.new_code_cell(f"MLRUNS = {str(mlruns)!r}", metadata={"tags": ["hidden"]})
    notebook.cells.insert(index + 1, hidden)
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
    return notebook


def write_page(name: str, notebook: Any, folder: Path) -> None:
    """Write <name>.md and its pictures."""
    parts: list[str] = []
    for number, cell in enumerate(notebook.cells):
        if "hidden" in cell.metadata.get("tags", ()):
            continue
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for index, output in enumerate(cell.outputs):
            parts += _output(output, folder / f"{name}-{number}-{index}.png")
    title, _, rest = "\n\n".join(parts).partition("\n")
    (folder / f"{name}.md").write_text(f"{title}\n\n{NOTE.format(name=name)}{rest}\n", "utf-8")


def _output(output: Any, picture: Path) -> list[str]:
    """Markdown of one output; sound is left to the notebook."""
    data = output.get("data", {})
    if "image/png" in data:
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return [f"![output]({picture.name})"]
    text = str(output.get("text") or data.get("text/plain", ""))
    if output.get("name") == "stderr" or not text.strip():
        return []
    if "Audio object" in text:
        return ["*(a player, in the notebook)*"]
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip().splitlines()
    lines = lines[:MAX_LINES] + ["…"] * (len(lines) > MAX_LINES)
    return ["```\n" + "\n".join(lines) + "\n```"]


def main() -> None:
    """Execute all notebooks and replace their pages."""
    PAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        mlruns = Path(sys.argv[1]) if sys.argv[1:] else Path(temporary)
        for seed in SEEDS if not sys.argv[1:] else ():
            command = [sys.executable, *TRAIN, f"seed={seed}", f"paths.mlruns={mlruns}"]
            subprocess.run(command, cwd=ROOT, check=True)
        executed = {path.stem: execute(path, mlruns) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    for old in PAGES.iterdir():
        old.unlink()
    for name, notebook in executed.items():
        write_page(name, notebook, PAGES)


if __name__ == "__main__":
    main()
