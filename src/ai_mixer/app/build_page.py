"""Build the page from `app/page`: needs node and npm, which users of the page do not.

`make app-page` builds scripts and style sheet, `make app-engine` the consoles as WebAssembly.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "page"
STATIC = Path(__file__).parent / "static"
DIGEST = STATIC / "sources.sha256"
CACHE = Path("outputs/engine/cache")
WORK = Path("outputs/app-page")  # a copy of the sources with the tools of npm


def source_digest(page: Path = PAGE) -> str:
    """Digest of the sources of the page and of the versions of the tools."""
    digest = hashlib.sha256()
    for file in sorted(page.rglob("*")):
        name = file.relative_to(page)
        if file.is_file() and name.parts[0] != "node_modules":
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def build_page(out: Path = STATIC, work: Path = WORK) -> None:
    """Check the types and build the page into a folder. ValueError without npm."""
    if shutil.which("npm") is None:
        raise ValueError("the page is built with node 20 or later and npm: install them")
    shutil.copytree(PAGE, work, dirs_exist_ok=True)
    for command in (
        ["npm", "ci", "--no-fund", "--no-audit", "--silent"],
        ["npx", "tsc", "--noEmit"],
        ["node", "build.mjs", str(out.resolve())],
    ):
        subprocess.run(command, cwd=work, check=True)
    (out / DIGEST.name).write_text(f"{source_digest()}\n", encoding="ascii")


def main(arguments: list[str]) -> None:
    """`python -m ai_mixer.app.build_page [engine]`."""
    if arguments == ["engine"]:
        from ai_mixer.app.build_engine import build_engines

        build_engines(STATIC, CACHE)
    else:
        build_page()


if __name__ == "__main__":
    main(sys.argv[1:])
