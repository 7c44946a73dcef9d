"""Tokens as they are searched for: codes, what they are called, and those that a terminology names.

https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Callable, Iterator
from typing import Final

from service.errors import Malformed
from service.values.criteria import HasNoTerm, HasTerm, HasText, Plain
from service.wire.fhir.search.asked import Asked, refuse_modifier
from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.forms.codes import Coding
from service.wire.fhir.search.forms.escapes import alternatives, parts, plain
from service.wire.fhir.search.forms.texts import normal
from service.wire.fhir.search.paths import Path

# each is looked up in an index
MOST_CODES: Final = 1_000
_CODED: Final = frozenset({"CodeableConcept", "Coding", "code"})
_WORDED: Final = frozenset({"CodeableConcept", "Coding", "Identifier"})
Pieces = list[str]
"""A code alone, or its system and it."""


def token(asked: Asked) -> Plain:
    """Return what a token asks.

    Raises:
        Malformed: the modifier is not known or not of what the parameter has, or a value cannot be read;
            names the parameter.
    """
    if asked.modifier == "text":
        return _called(asked)
    if asked.modifier not in _READ:
        refuse_modifier(asked)
    found: dict[str, None] = {}
    for pieces in _READ[asked.modifier](asked):
        for name, path in asked.paths():
            found |= dict.fromkeys(_terms(name, path, pieces))
    if asked.modifier in {"not", "not-in"}:
        return HasNoTerm(tuple(found))
    is_narrow = any("Identifier" in path.types for path in asked.parameter.paths)
    return HasTerm(tuple(found), is_narrow and not any(term.endswith("|") for term in found))


def _called(asked: Asked) -> HasText:
    """Return what a code, or the kind of an identifier, is called or begins with."""
    _check_types(asked, _WORDED, "words")
    texts = [normal(plain(value)) for value in alternatives(asked.text, asked.name)]
    return HasText(tuple((terms.words(name), "", text) for text in texts for name, _ in asked.paths()))


def _written(asked: Asked) -> Iterator[Pieces]:
    for value in alternatives(asked.text, asked.name):
        pieces = parts(value)
        if len(pieces) > 2 or not any(pieces):
            raise Malformed("Write code, |code, system|code or system|.", where=asked.name)
        yield pieces


def _in_sets(asked: Asked) -> Iterator[Pieces]:
    """Give the codes of value sets, which are named by their url or as `ValueSet/id`."""
    _check_types(asked, _CODED, "codes")
    ours = asked.ours
    urls = [plain(value).removeprefix(f"{ours.base}/") for value in alternatives(asked.text, asked.name)]
    return _bounded(asked, [coding for url in urls for coding in ours.codes.within(url, asked.name)])


def _on_levels(asked: Asked) -> Iterator[Pieces]:
    """Give codes and those that stand below, or above, them."""
    _check_types(asked, _CODED, "codes")
    codes = asked.ours.codes
    look = codes.below if asked.modifier == "below" else codes.above
    found: list[Coding] = []
    for pieces in _written(asked):
        system, code = pieces if len(pieces) == 2 else ["", *pieces]
        found += look(system, code, asked.name)
    return _bounded(asked, found)


def _check_types(asked: Asked, types: frozenset[str], what: str) -> None:
    if all(path.types.isdisjoint(types) for path in asked.parameter.paths):
        raise Malformed(f":{asked.modifier} is of {what}, and this parameter has none.", where=asked.name)


def _bounded(asked: Asked, codings: list[Coding]) -> Iterator[Pieces]:
    if len(codings) > MOST_CODES:
        raise Malformed(f"These are over {MOST_CODES} codes; ask for them in parts.", where=asked.name)
    return map(list, codings)


_READ: Final[dict[str, Callable[[Asked], Iterator[Pieces]]]] = {
    "": _written,
    "not": _written,
    "in": _in_sets,
    "not-in": _in_sets,
    "below": _on_levels,
    "above": _on_levels,
}


def _terms(name: str, path: Path, pieces: list[str]) -> Iterator[str]:
    if len(pieces) == 1:
        yield terms.plain(name, pieces[0])
        return
    system, code = pieces
    if path.types.isdisjoint({"CodeableConcept", "Coding", "Identifier"}):
        # a code has the system of its binding, which is not written; a contact or a truth has none
        if (code and not system) or (code in path.codes.get(system, ())):
            yield terms.plain(name, code)
        elif not code:
            yield from (terms.plain(name, each) for each in sorted(path.codes.get(system, ())))
    else:
        yield terms.pair(name, system, code) if code else terms.of_system(name, system)
