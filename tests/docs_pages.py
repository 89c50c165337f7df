"""README and docs as a test reads them: fenced blocks, tables, headings, links.

A fenced block says by its language what is done with it (`docs_walk.py`): `yaml`, `python`, `sh` with a file's name in
a comment at its top is that file; `console` is run; `chat` is said to a bot; `text` is not looked at by itself.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!`)(`+) ?([^\n]+?) ?\1(?!`)")
_BESIDE_BARS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, and the line of the page on which it begins."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text()
    return [Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in _FENCED.finditer(text)]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCED.sub("", page.read_text())


def flat(page: Path) -> str:
    """Return a page's prose with every run of blanks and line ends as one blank."""
    return " ".join(prose(page).split())


def codes(text: str) -> list[str]:
    """Return the code spans of a text."""
    return [found[2] for found in _CODE.finditer(text)]


def links(page: Path) -> list[str]:
    """Return where the links of a page lead to."""
    return _LINK.findall(prose(page))


def headings(page: Path) -> list[str]:
    """Return the headings of a page."""
    return _HEADING.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return what can stand behind `#` in a link to a page, as GitHub makes it of its headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", prose(page), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no heading {heading!r}"
    return found[1]


def table(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, without its head."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("|")]
    assert len(lines) > 2, f"{page.name} has no table under {heading!r}"
    rows = [[cell.strip().replace("\\|", "|") for cell in _BESIDE_BARS.split(line)[1:-1]] for line in lines]
    end = next((i for i, row in enumerate(rows[2:], start=2) if set("".join(row)) <= set("-: ")), len(rows) + 1)
    return rows[2 : end - 1] if end <= len(rows) else rows[2:]


def first_codes(page: Path, heading: str) -> list[str]:
    """Return the first code span of each row of a table: what the row is about."""
    return [codes(row[0])[0] for row in table(page, heading)]
