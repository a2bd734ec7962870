"""One word, one thing: no two classes share a name."""

import ast
from collections import defaultdict
from pathlib import Path

APP = Path(__file__).parents[2] / "app"

# Packages where a name may be one that another has, and why.
OTHER_WORLDS = {
    "vault": "a program of its own, which shares no class with the others",
    "processors/stripe/objects.py": "Stripe's objects have the names that Stripe's API gives them",
    "devkit/stack": "its classes are called like the processes that they start and stop",
}


def _classes() -> dict[str, list[str]]:
    places = defaultdict(list)
    for path in sorted(APP.rglob("*.py")):
        place = path.relative_to(APP).as_posix()
        if place.startswith(tuple(OTHER_WORLDS)):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            # A name that begins with an underscore is met in its own file only.
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(place)
    return places


def test_no_two_classes_share_a_name() -> None:
    """A class is called like no other."""
    assert {name: places for name, places in _classes().items() if len(places) > 1} == {}
