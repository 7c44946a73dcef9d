"""Concepts within narratives: marked when they are made, so that another language can take their place.

https://hl7.org/fhir/R4/narrative.html
"""

import re
from collections.abc import Callable
from html import unescape

from service.mapping.language.runtime import escape_xml

_HEAD = re.compile(r"<div\b[^>]*>")
_SPOKEN = re.compile(r'\s(?:xml:)?lang="[^"]*"')
_MARKED = re.compile(r'<span class="([^"|]+)\|([^"]+)">[^<]*</span>')


def marked_display(name: str, code: str, display: str) -> str:
    """The display of a concept as markup that names its code system and code."""
    return f'<span class="{escape_xml(name)}|{escape_xml(code)}">{escape_xml(display)}</span>'


def ends_in_tag(markup: str, before: bool) -> bool:
    """Whether what follows a piece of markup stands within a tag; `before` says whether the piece does."""
    last = max(markup.rfind("<"), markup.rfind(">"))
    return before if last < 0 else markup[last] == "<"


def translated_narrative(markup: str, language: str, word: Callable[[str, str], str | None]) -> str:
    """A narrative in which each concept is called what `word(code system, code)` calls it, if it knows it."""

    def replace(mark: re.Match[str]) -> str:
        name, code = unescape(mark[1]), unescape(mark[2])
        display = word(name, code)
        return mark[0] if display is None else marked_display(name, code, display)

    def speak(head: re.Match[str]) -> str:
        plain = _SPOKEN.sub("", head[0])[:-1]
        return f'{plain} lang="{language}" xml:lang="{language}">'

    return _HEAD.sub(speak, _MARKED.sub(replace, markup), count=1)
