"""Codes that a search means by a value set, or by a code that they stand below or above.

https://hl7.org/fhir/R4/search.html#token
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from service.errors import Malformed

Coding = tuple[str, str]
"""System and code."""


class ValueSet(NamedTuple):
    """The version of a value set, and the codes that are in it."""

    version: str
    codings: tuple[Coding, ...]


@dataclass(frozen=True, slots=True)
class Codes:
    """What is known of codes: `sets` by their canonical url and as `ValueSet/id`, `systems` by their url.

    Of each code of a system it is known which stands directly above it, '' where none does.
    """

    sets: Mapping[str, ValueSet] = field(default_factory=dict)
    systems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def within(self, url: str, where: str) -> tuple[Coding, ...]:
        """Return the codes of a value set; its url may end in `|version`.

        Raises:
            Malformed: it is not kept here; names the nearest that is.
        """
        if not self.sets:
            raise Malformed("No ValueSets are known here; name the codes themselves.", where=where)
        plain, _, version = url.partition("|")
        found = self.sets.get(plain)
        if found is None:
            nearest = difflib.get_close_matches(plain, self.sets, 1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise Malformed(f"No such ValueSet is kept here, search for those that are{hint}.", where=where)
        if version not in {"", found.version}:
            raise Malformed(f"The ValueSet is kept in version {found.version} alone.", where=where)
        return found.codings

    def below(self, system: str, code: str, where: str) -> Iterator[Coding]:
        """Give a code and all that stand below it; raises Malformed where its system has no levels."""
        above = self._levels(system, code, where)
        yield from ((system, each) for each in above if code in _upwards(above, each))

    def above(self, system: str, code: str, where: str) -> Iterator[Coding]:
        """Give a code and all that it stands below; raises Malformed where its system has no levels."""
        yield from ((system, each) for each in _upwards(self._levels(system, code, where), code))

    def _levels(self, system: str, code: str, where: str) -> Mapping[str, str]:
        above = self.systems.get(system)
        if not self.systems:
            raise Malformed("No CodeSystems are known here; name the codes themselves.", where=where)
        if above is None:
            known = "CodeSystems that are kept here"
            raise Malformed(f"Write system|code with the system of one of the {known}.", where=where)
        if not any(above.values()):
            raise Malformed("In this system no code stands below another; search without.", where=where)
        if code not in above:
            raise Malformed("There is no such code in this system.", where=where)
        return above


NO_CODES: Final = Codes()


def _upwards(above: Mapping[str, str], code: str) -> Iterator[str]:
    while code:
        yield code
        code = above[code]
