"""README, CONTRIBUTING and docs name files, headings, packages and doctests that exist."""

import doctest
import functools
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from ai_mixer.config.folder import config_folder
from helpers.effects import CLASSES

ROOT = config_folder().parent
CODE = ROOT / "src" / "ai_mixer"
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted(DOCS.rglob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
PICTURES = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
REPOSITORY_LINK = re.compile(rf"(?:{REPOSITORY}/(?:blob|tree)|{PICTURES})/main/(.*)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def links(page):
    """The targets of a page's links and images, code excluded."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    return re.findall(r"\]\(([^)\s]+)\)", text)


@functools.cache
def anchors(page):
    """The headings of a page as code hosts and Markdown's `toc` name them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def is_broken(link, page):
    in_repository = REPOSITORY_LINK.match(link)
    if re.match(r"[a-z]+:", link) and not in_repository:
        return False
    path, _, anchor = (in_repository[1] if in_repository else link).partition("#")
    folder = ROOT if in_repository else page.parent
    target = (folder / path).resolve() if path else page
    has_anchors = target.suffix == ".md" and target.parent.name != "reference"
    return not target.exists() or (anchor and has_anchors and anchor not in anchors(target))


def test_every_link_leads_somewhere():
    assert not [(name_of(p), link) for p in PAGES for link in links(p) if is_broken(link, p)]


def missing_files(page):
    """Paths from the root, in code: `configs/…`, `tests/…`; not patterns and what is generated."""
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\b((?:src|configs|tests|benchmarks|docs|notebooks)/[\w./-]+)", text):
        if "experiment/sweep" in path or "configs/local" in path or "loss/scale/" in path:
            continue
        if not (ROOT / path.rstrip(".")).exists() and f"{path}<" not in text:
            yield path


def test_every_file_of_the_repository_exists():
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]
    assert not [(name_of(page), path) for page in pages for path in missing_files(page)]


def test_links_of_the_readme_are_absolute():
    """A package index shows the README without the repository around it."""
    found = links(ROOT / "README.md")
    assert len(found) > 20
    assert all(REPOSITORY_LINK.match(link) for link in found if link.startswith("https://github"))
    assert [link for link in found if not re.match(r"https://|#", link)] == []


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"]
    assert citation["repository-code"] == REPOSITORY
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    assert {"message", "title", "authors"} <= set(citation)


def test_the_files_that_questions_are_answered_with_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Which file?")[2]
    rows = [row.split("|")[2] for row in text.splitlines() if row.startswith("| ") and "?" in row]
    assert len(rows) >= 25
    for row in rows:
        for path in re.findall(r"`([\w/.]+)`", row):
            assert (CODE / path).exists(), path


def test_every_package_has_a_page_of_the_reference():
    packages = {folder.name for folder in CODE.iterdir() if (folder / "__init__.py").exists()}
    packages.remove("stages")  # an alias of cli.stages
    assert {page.stem for page in (DOCS / "reference").glob("*.md")} == packages | {"index"}


def test_every_page_of_the_navigation_exists():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r": (\S+\.md)$", text.partition("\nnav:")[2], re.MULTILINE)
    assert all((DOCS / page).exists() for page in listed)
    assert {f"reference/{page.name}" for page in (DOCS / "reference").glob("*.md")} <= set(listed)
    assert yaml.safe_load(text)["theme"]["font"] is False  # nothing from a network


def test_every_decision_is_in_the_index():
    index = set(links(DOCS / "decisions" / "README.md"))
    assert index == {page.name for page in (DOCS / "decisions").glob("0*.md")}


def test_every_extra_is_in_the_table_of_the_installation():
    text = (DOCS / "guides" / "installation.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(
        PROJECT["optional-dependencies"]
    )


def test_the_examples_of_the_python_guide_run():
    page = DOCS / "guides" / "python-api.md"
    assert doctest.testfile(str(Path(page)), module_relative=False).failed == 0


def sections(page):
    """Title → text of the third-level sections of a page."""
    parts = re.split(r"^### (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_effect_has_a_section_with_its_knobs_and_a_curve(cls):
    texts = sections(DOCS / "reference" / "effects.md")
    (text,) = [text for title, text in texts.items() if f"`{cls.__name__}`" in title]
    assert re.search(r"!\[[^]]+\]\(\.\./images/effects/\w+\.svg\)", text)
    for knob in cls.knob_names:
        name = re.sub("^(low|mid|high)_(?=ratio|threshold)", "…_", knob)
        assert f"`{name}`" in text
