"""What a partner, or a stranger's address, may ask at once and in a second.

https://www.rfc-editor.org/rfc/rfc6585#section-4
"""

import threading
from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Final

from flask import Request

from service.access.rates import Rate
from service.authorize.addresses import Proxies, network_of
from service.errors import TooMany

_AT_ONCE: Final = "More of your requests are worked on than may be at a time; send fewer at once."
_OFTEN: Final = "You ask more often than you may; Retry-After says when to go on."


class Quotas:
    """Counts what partners and strangers ask; 0 of anything means that it is not limited."""

    def __init__(
        self,
        partners: Rate,
        strangers: Rate,
        at_once: int,
        proxies: Proxies,
        clock: Callable[[], float],
    ) -> None:
        """Take the rates, how many requests of a partner this process works on, and trusted proxies."""
        self._partners = partners
        self._strangers = strangers
        self._at_once = at_once
        self._proxies = proxies
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """Count a request of a partner, which is worked on until `end`; raises TooMany."""
        _check(self._partners.wait(name, self._clock()))
        with self._lock:
            if self._at_once and self._held[name] >= self._at_once:
                raise TooMany(_AT_ONCE)
            self._held[name] += 1

    def end(self, name: str) -> None:
        """Say that a request of a partner is answered."""
        with self._lock:
            self._held[name] -= 1

    def count_stranger(self, request: Request) -> None:
        """Count a request of somebody who has not shown who it is, by its address; raises TooMany."""
        _check(self._strangers.wait(network_of(request, self._proxies), self._clock()))


def _check(wait: float) -> None:
    if wait:
        raise TooMany(_OFTEN, ceil(wait))
