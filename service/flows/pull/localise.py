"""A partner asks for its language: which one it gets, and stored bytes told in it.

https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.mapping.language.localise import Interpreter
from service.values.kept.resources import Page, StoredResource
from service.wire.json import dump, parse

STORED: Final = "en"
Ranges = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Localisation:
    """One interpreter a view."""

    interpreters: Mapping[str, Interpreter]

    def language(self, view: str, ranges: Ranges) -> str:
        """Return the best language of a view for the ranges; that of the stored bytes if none will do."""
        return preferred_language(ranges, (STORED, *self.interpreters[view].languages))

    def tell(self, view: str, stored: StoredResource, language: str) -> StoredResource:
        """Return the version in a language; in that of the stored bytes it is the stored one itself."""
        if language == STORED or stored.is_erased:
            return stored
        body = self.interpreters[view].tell(parse(stored.body), language)
        return replace(stored, body=dump(body))

    def page(self, view: str, page: Page, language: str) -> Page:
        """Return the page with each entry in a language."""
        if language == STORED:
            return page
        entries, included = (
            tuple(self.tell(view, entry, language) for entry in resources)
            for resources in (page.entries, page.included)
        )
        return replace(page, entries=entries, included=included)


def preferred_language(ranges: Ranges, languages: Sequence[str]) -> str:
    """Return the language with the highest quality; the first of all when none is acceptable.

    A range stands for the language it begins with (RFC 4647 lookup: `de-AT` is answered by `de`) and `*` for
    every language that no other range names. Of equal ones the one named first wins.
    """
    best, highest = languages[0], 0.0
    asked = [(range_.lower(), quality) for range_, quality in ranges]
    refused = {range_ for range_, quality in asked if quality <= 0}
    named = {range_.partition("-")[0] for range_, quality in asked if quality > 0}
    for range_, quality in asked:
        if range_ == "*":
            answers = [known for known in languages if known not in named | refused]
        else:
            answers = [
                known for known in languages if known == range_.partition("-")[0] and known not in refused
            ]
        if answers and quality > highest:
            best, highest = answers[0], quality
    return best
