"""What partners searched for is forgotten where it names who is erased; that they searched is kept."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import unquote_plus

from service.flows.ports import Store, Unit
from service.wire.fhir.search.forms.texts import normal
from service.wire.mentions import SHORTEST

PAGE: Final = 1_000
# a row that was committed late lies so few behind the last one at most
LATE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Searches:
    """The searches that were answered with a client, or that name a number or name of theirs."""

    client: str
    words: re.Pattern[str] | None

    def forget(self, store: Store) -> int:
        """Forget them page by page, each in a transaction of its own; return the last row that was seen."""
        after = 0
        while (last := store.transact(partial(self._forget_page, after=after))) > after:
            after = last
        return after

    def forget_late(self, unit: Unit, seen: int) -> None:
        """Forget, in a transaction, those that came meanwhile."""
        after = max(seen - LATE, 0)
        while (last := self._forget_page(unit, after)) > after:
            after = last

    def _forget_page(self, unit: Unit, after: int) -> int:
        texts = unit.audit.texts(after, PAGE)
        unit.audit.forget_texts([text.row for text in texts if self._is_of(text.text, text.clients)])
        return texts[-1].row if texts else after

    def _is_of(self, text: str, clients: frozenset[str]) -> bool:
        return self.client in clients or bool(self.words and self.words.search(normal(unquote_plus(text))))


def searches(client: str, numbers: Iterable[str], bodies: Iterable[dict[str, Any]]) -> Searches:
    """Return the searches to forget: for a client's numbers, and the families of the names in their bodies.

    A number that is too short to be told from a date or a count is left out.
    """
    families = {name.get("family", "") for body in bodies for name in body.get("names", ())}
    words = {normal(family) for family in families} | {normal(n) for n in numbers if len(n) >= SHORTEST}
    spelt = "|".join(re.escape(word) for word in sorted(words - {""}))
    return Searches(client, re.compile(rf"(?<![\w-])(?:{spelt})(?![\w-])") if spelt else None)
