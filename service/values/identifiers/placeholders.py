"""What is filled in where there is no number: words, masks, zeros, digits that repeat or run."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from unicodedata import combining, normalize

_NOTHING: Final = """
unknown unk unkn none null nil na nan tbd tba missing pending refused declined withheld
anonymous unidentified unassigned unavailable undefined unspecified notavailable notapplicable
notknown notgiven notprovided notonfile notassigned noid nossn nonumber nomrn nobody asku nask
placeholder temp temporary new newpatient dummy ukendt ingen okand saknas tuntematon eiole puuttuu unbekannt
keine keiner ohne fehlt inconnu aucun desconocido ninguno неизвестно неизвестен нет отсутствует
"""
_WORDS: Final = frozenset(_NOTHING.split())
_RUNS: Final = frozenset(
    run[start : start + length]
    for run in ("01234567890", "09876543210")
    for start in range(len(run))
    for length in range(7, len(run) - start + 1)
)
# letters that have no other letter inside, and are written without what marks them
_LETTERS: Final = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th"})
_PATTERNS: Final = re.compile(
    r"[0\W_]*"  # nothing but zeros and marks
    r"|(\d)(?:\W?\1){4,}"  # one digit five times and more
    r"|(?=.*(?:X{3}|[*#•]{2}))[X*#•\d\W_]+"  # a mask, whether digits are left to be seen or not
    r"|X+",
    re.IGNORECASE,
)


def names_nobody(value: str, more: Iterable[str] = ()) -> bool:
    """Return whether a value stands for no number at all.

    Args:
        value: an identifier's value as it was sent.
        more: a site's own words and patterns, each a regular expression for the whole of it in any case.
    """
    plain = value.strip()
    if _PATTERNS.fullmatch(plain):
        return True
    letters = "".join(re.findall(r"[^\W\d_]+", words_of(plain)))
    if letters in _WORDS and not re.search(r"\d", plain):
        return True
    return re.sub(r"\W", "", plain) in _RUNS or any(_compile_pattern(text).fullmatch(plain) for text in more)


def words_of(text: str) -> str:
    """Return a text as it compares: without case and without the marks above and below letters."""
    plain = normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(character for character in plain if not combining(character))


@lru_cache(maxsize=256)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
