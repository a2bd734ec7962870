"""What the documentation names exists: files that links lead to, and paths of this repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README_LINES_MAX = 200
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# A path of this repository, where it is not the end of another path, of an address or of a name.
_PATH = re.compile(
    r"(?<![\w/.\-$}*])(?:app|tests|schema|deploy|benchmarks|scripts|docs)/[\w./*<>-]*[\w/*>]"
)
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKING = sorted({
    *GUIDES,
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "schema").rglob("*.md"),
    *(ROOT / "benchmarks").rglob("*.md"),
})  # fmt: skip


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """The relative links of a page: as written, the file and the heading that they mean."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", link):
            file, _, heading = link.partition("#")
            yield link, (page.parent / file if file else page), heading


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=_name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Each relative link of a page names a file that exists, and a heading that it has."""
    broken = [
        link
        for link, file, heading in _links(page)
        if not file.exists() or (heading and heading not in _anchors(file))
    ]

    assert broken == []


@pytest.mark.parametrize("page", GUIDES, ids=_name)
def test_every_path_exists(page: Path) -> None:
    """Each path of the repository that a page names is there, patterns with at least one match."""
    named = sorted(set(_PATH.findall(page.read_text("utf-8"))))
    patterns = {path: re.sub("<[^>]*>", "*", path).rstrip("/") for path in named}

    assert [path for path, pattern in patterns.items() if not any(ROOT.glob(pattern))] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=_name)
def test_every_page_can_be_found(page: Path) -> None:
    """A reader comes from the README to each page by links."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        current = waiting.pop().resolve()
        if current not in reached and current.suffix == ".md" and current.exists():
            reached.add(current)
            waiting += [file for _, file, _ in _links(current)]

    assert page.resolve() in reached


def test_the_readme_is_what_a_user_needs() -> None:
    """The README fits two hundred lines, and the rest is in docs."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES_MAX
