"""Command lines in texts: code of Markdown, comments of config files."""

import json
import re
import shlex

FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
PROGRAM = re.compile(r"^(?:\S+=\S+ )*(?:\S*/)?(make|ai-mixer|python)3? (?=\S)")
# In a comment, where commands have no delimiters: the target and the words name=value after it.
MAKE = re.compile(r"""\bmake ([a-z][a-z-]*)((?: (?:'[^']+'|[\w./+~@-]+=(?:'[^']*'|[^\s'`])+))*)""")


def read_texts(root, *patterns):
    """Texts of the files that match the patterns, by path."""
    files = {file for pattern in patterns for file in root.glob(pattern)}
    return [file.read_text(encoding="utf-8") for file in sorted(files)]


def in_markdown(text):
    """Words of each command line in the code of a page; the first word is the program."""
    blocks = FENCE.findall(text.replace("\\\n", " "))
    lines = [line for block in blocks for line in re.split(r"\n| && ", block)]
    lines += [code.replace("\n", " ") for code in INLINE.findall(FENCE.sub("", text))]
    return [_words(line.strip()) for line in lines if PROGRAM.match(line.strip())]


def in_notebook(text):
    """Words of each command line in the Markdown cells of a notebook."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return [words for cell in cells for words in in_markdown("".join(cell["source"]))]


def in_config(text, targets):
    """Words of each make command in the comments of a config file.

    Without overrides, an unknown target is a command only at the start of a comment or of code:
    elsewhere it may be an English word after the verb.
    """
    found = []
    for comment in re.findall(r"#(.*)", text):
        for match in MAKE.finditer(comment):
            before, (target, overrides) = comment[: match.start()].strip(), match.groups()
            if overrides or target in targets or before.endswith("`") or not before:
                found.append(["make", target, *shlex.split(overrides.rstrip(".,;"))])
    return found


def _words(line):
    program = PROGRAM.match(line)
    return [program[1], *shlex.split(line[program.end() :], comments=True)]
