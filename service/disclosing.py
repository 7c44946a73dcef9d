"""What a route says of its answer: whose data stands in it. It is recorded before the answer leaves."""

from collections.abc import Iterable

from flask import g

from service.values.audit import Disclosed, Disclosure, Interaction


def disclose(interaction: Interaction, things: Iterable[Disclosed] = (), text: str = "") -> None:
    """Say what the answer to this request discloses, and to which search (`text`).

    A route that says nothing gets no answer out, unless its operation says why there is nothing to disclose.
    """
    g.disclosure = Disclosure(interaction, tuple(things), text)
