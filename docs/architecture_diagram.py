"""Draws docs/images/packages.svg: the packages in their layers, with the imports that exist.

The layers are those of the import contract in pyproject.toml; the arrows are the direct imports
between packages, found by grimp. `make docs` runs it before it builds the site:

    python docs/architecture_diagram.py
"""

import colorsys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "packages.svg"
ROW, GAP, BOX, ARC = 26, 10, 110, 160  # px: height of a package, space between layers, width, arcs
STYLE = """
text { font: 600 13px sans-serif; fill: #1d2433 }
.note { font: 11px sans-serif; fill: #596275 }
.box { fill: #f2f4f8; stroke: #8a94a8 }
.arc { fill: none; stroke-width: 1.3 }
.implied { stroke-width: .7; opacity: .75 }
"""


def layers() -> list[list[str]]:
    """The packages of each layer, top first, as the contract has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [
        [name.strip() for name in layer.replace(":", "|").split("|")]
        for layer in contract["layers"]
    ]


def imports(packages: list[str]) -> dict[str, set[str]]:
    """For each package the packages that one of its modules imports."""
    graph = grimp.build_graph("ai_mixer", cache_dir=None)
    found: dict[str, set[str]] = {package: set() for package in packages}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            importer, target = (f"{name}.".split(".")[1] for name in (module, imported))
            if importer in found and target in found and importer != target:
                found[importer].add(target)
    return found


def reachable(start: str, found: dict[str, set[str]]) -> set[str]:
    """Every package that `start` imports, directly or through others."""
    return found[start].union(*(reachable(package, found) for package in found[start]))


def draw(rows: list[list[str]], found: dict[str, set[str]]) -> str:
    """The picture. Left: arrows that no chain of other arrows implies. Right: the other imports."""
    left, middle, parts = ARC, {}, []
    y = 30
    for row in rows:
        for package in row:
            middle[package] = y + ROW / 2
            parts.append(
                f'<g id="{package}"><rect class="box" x="{left}" y="{y + 2}" width="{BOX}" '
                f'height="{ROW - 4}" rx="4"/><text x="{left + BOX / 2}" y="{y + ROW / 2 + 4.5}" '
                f'text-anchor="middle">{package}</text></g>'
            )
            y += ROW
        y += GAP
    hover = []
    for number, (package, targets) in enumerate(found.items()):
        red, green, blue = colorsys.hls_to_rgb(number * 0.381966 % 1, 0.38, 0.65)
        colour = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
        parts.append(
            f'<marker id="head-{package}" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" '
            f'markerHeight="6" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0 6 3 0 6z" fill="{colour}"/></marker>'
        )
        hover.append(f"svg:has(#{package}:hover) .arc:not(.{package}) {{ opacity: .06 }}")
        through = set().union(*(reachable(target, found) for target in targets))
        for target in sorted(targets):
            start, end = middle[package] + 3, middle[target] - 3
            implied = target in through
            side, x = (1, left + BOX) if implied else (-1, left)
            bend = x + side * (18 + 1.2 * ARC * (end - start) / y)
            parts.append(
                f'<path class="arc {package} {target}{" implied" * implied}" stroke="{colour}" '
                f'd="M{x} {start}C{bend:.0f} {start} {bend:.0f} {end} {x} {end}" '
                f'marker-end="url(#head-{package})"/>'
            )
    width = 2 * ARC + BOX
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}">'
        f"<title>Packages of ai_mixer and the imports between them</title>"
        f"<style>{STYLE}{chr(10).join(hover)}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text class="note" x="{left - 10}" y="18" text-anchor="end">imports</text>'
        f'<text class="note" x="{left + BOX + 10}" y="18">implied imports</text>'
        f"{chr(10).join(parts)}</svg>\n"
    )


if __name__ == "__main__":
    rows = layers()
    packages = [package for row in rows for package in row]
    OUT.write_text(draw(rows, imports(packages)), encoding="utf-8")
