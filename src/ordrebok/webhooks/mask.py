"""Which members of a body are sent: masks such as `order(id,items/*/amount)`.

A mask names members: `a,b` both, `a/b` one inside another, `a(b,c)` several inside one, `*` any.
Lists are walked through: `items/amount` is the amount of every item. What a mask names and a body
does not have is left out; objects of which nothing is named stay, empty, where they are.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from ordrebok.refusals import Fault

ANY: Final = "*"
DEEPEST: Final = 32
"""Levels of a mask: more than any body has, and few enough to walk."""

Tree: TypeAlias = dict[str, "Tree | None"]
"""The members that a mask names; None: the member whole."""

_TOKEN: Final = re.compile(r"[,/()]|[^,/()\s]+|\s+")


class MaskSyntaxError(ValueError):
    """A mask that says nothing definite: what was expected, and at which character."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at character {position + 1}")
        self.position = position


def parse(mask: str) -> Tree:
    """Return the members that a mask names.

    Raises: MaskSyntaxError, with the position of the first character that does not fit.
    """
    return _Reader(mask).tree()


def faults(mask: str) -> list[Fault]:
    """Return what is wrong with a mask, with the position in `data`."""
    try:
        parse(mask)
    except MaskSyntaxError as error:
        return [
            Fault(
                "MASK_SYNTAX",
                str(error),
                (),
                "names, with commas between, / or ( ) for what is inside, and * for any",
                {"position": error.position},
            )
        ]
    return []


def merged(trees: Iterable[Tree]) -> Tree:
    """Return the members that any of several masks names."""
    whole: Tree = {}
    for tree in trees:
        for name, inner in tree.items():
            _add(whole, name, inner)
    return whole


def only(value: Any, tree: Tree) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a JSON value with nothing but the members that a mask names.

    Inside of what is no object and no list there is nothing to name: it is left out by whoever
    holds it (see `_has_members`).
    """
    if isinstance(value, list):
        return [only(each, tree) for each in value if _has_members(each)]
    kept = {}
    for name, child in value.items():
        if name in tree or ANY in tree:
            inner = _inside(tree, name)
            if inner is None:
                kept[name] = child
            elif _has_members(child):
                kept[name] = only(child, inner)
    return kept


def without(value: Any, tree: Tree) -> Any:  # noqa: ANN401 -- any JSON value
    """Return a JSON value without the members that a mask names."""
    if isinstance(value, list):
        return [without(each, tree) if _has_members(each) else each for each in value]
    kept = {}
    for name, child in value.items():
        if name not in tree and ANY not in tree:
            kept[name] = child
            continue
        inner = _inside(tree, name)
        if inner is not None:
            kept[name] = without(child, inner) if _has_members(child) else child
    return kept


def _has_members(value: object) -> bool:
    """Tell whether anything can be named inside a value."""
    return isinstance(value, (dict, list))


def _inside(tree: Mapping[str, Tree | None], name: str) -> Tree | None:
    """Return what a tree names inside a member: by its name, by `*`, or by both."""
    if name not in tree:
        return tree[ANY]
    if ANY not in tree or name == ANY:
        return tree[name]
    named, anywhere = tree[name], tree[ANY]
    return None if named is None or anywhere is None else merged((named, anywhere))


def _add(tree: Tree, name: str, inner: Tree | None) -> None:
    """Put a member into a tree; what is named whole stays whole."""
    if name not in tree:
        tree[name] = None if inner is None else merged((inner,))
        return
    standing = tree[name]
    tree[name] = None if standing is None or inner is None else merged((standing, inner))


class _Reader:
    """Reads one mask, from its first character to its last."""

    def __init__(self, mask: str) -> None:
        self._tokens = [
            (found.group(), found.start())
            for found in _TOKEN.finditer(mask)
            if not found.group().isspace()
        ]
        self._end = len(mask)
        self._next = 0

    def tree(self) -> Tree:
        """Return everything that the mask names."""
        tree = self._members(1)
        if self._next < len(self._tokens):
            raise MaskSyntaxError("a parenthesis is closed that was not opened", self._position())
        return tree

    def _members(self, depth: int) -> Tree:
        """Read `a,b/c,d(e)`."""
        tree: Tree = {}
        while True:
            name, inner = self._member(depth)
            _add(tree, name, inner)
            if self._peek() != ",":
                return tree
            self._next += 1

    def _member(self, depth: int) -> tuple[str, Tree | None]:
        """Read `a`, `a/b` or `a(b,c)`."""
        if depth > DEEPEST:
            raise MaskSyntaxError(f"the mask has more than {DEEPEST} levels", self._position())
        name = self._peek()
        if name in {"", ",", "/", "(", ")"}:
            raise MaskSyntaxError("a name is expected", self._position())
        self._next += 1
        match self._peek():
            case "/":
                self._next += 1
                inner_name, inner = self._member(depth + 1)
                return name, {inner_name: inner}
            case "(":
                self._next += 1
                members = self._members(depth + 1)
                if self._peek() != ")":
                    raise MaskSyntaxError("a comma or ) is expected", self._position())
                self._next += 1
                return name, members
            case "," | ")" | "":
                return name, None
            case _:
                raise MaskSyntaxError("a comma, / or ( is expected", self._position())

    def _peek(self) -> str:
        """Return what comes next; nothing at the end."""
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _position(self) -> int:
        """Return where in the mask the reader is."""
        return self._tokens[self._next][1] if self._next < len(self._tokens) else self._end
