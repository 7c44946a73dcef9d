"""Links to the next page: where to go on is sealed, for the partner and the address that it was made for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, request

from service.disclose.query.results import CURSOR
from service.errors import Malformed
from service.wire.json import dump, parse
from service.wire.parameters import shown

Key = tuple[str | float, ...]
Parameters = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cursors:
    """`seal` and `unseal` keep what a link says from whoever reads a log, and from being made up."""

    seal: Callable[[str], str]
    unseal: Callable[[str], str]

    def link(self, url: str, path: str, given: Sequence[tuple[str, str]], after: Key | None) -> str | None:
        """Return the address of the page after a key, of what is asked at a path; None without a key."""
        if after is None:
            return None
        content = {"of": [g.partner.name, path], "given": given, "after": after}
        return f"{url}?{CURSOR}={self.seal(dump(content).decode())}"

    def continued(self, path: str, parameters: Parameters) -> tuple[Parameters, Key | None]:
        """Return the parameters, and after what to go on: both of a link to the next page, if it is one.

        Raises:
            Malformed: the link is not ours, of something else, or has something beside it.
        """
        cursor = request.args.get(CURSOR)
        if cursor is None:
            return parameters, None
        beside = [name for name, _ in parameters if name != CURSOR]
        if beside or len(parameters) > 1:
            what = "A link to the next page says all that is asked, once; follow it as it is."
            raise Malformed(what, where=shown(beside[0]) if beside else CURSOR)
        content: dict[str, Any] = parse(self.unseal(cursor).encode())
        if content["of"] != [g.partner.name, path]:
            raise Malformed("The link is of another search; search again.", where=CURSOR)
        return [(name, value) for name, value in content["given"]], tuple(content["after"])
