"""Which components a key of the view is made of: `message.PID.r5.given` of PID-5.2 and PID-5.3.

What the readers of `datatypes`, `concepts` and `authorities` read is stated here, by what they give.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from service.wire.hl7v2.types import authorities
from service.wire.hl7v2.types.concepts import Concept, language
from service.wire.hl7v2.types.datatypes import (
    NAME,
    READ,
    STAFF,
    address,
    destination,
    identifier,
    location,
    rank,
    telecom,
    words,
)
from service.wire.hl7v2.types.reading import Reader

Keys = Mapping[str, tuple[str, ...]]
"""By key, and `key.key` below it, the components it is made of."""
_COMPONENT: Final = re.compile(r"c\d+(?:s\d+)?\Z")
_CODING: Final[Keys] = {
    "system": ("c3", "c14", "c6", "c17", "c12", "c20"),
    "code": ("c1", "c4", "c10"),
    "display": ("c2", "c5", "c11"),
}
_CONCEPT: Final[Keys] = {
    **_CODING,
    **{f"coding.{key}": parts for key, parts in _CODING.items()},
    "text": ("c9", "c2", "c5", "c11"),
}
_KEYS: Final[Mapping[Reader, Keys]] = {
    NAME: {
        "family": ("c1", "c1s2", "c1s3", "c1s4", "c1s5"),
        "given": ("c2", "c3"),
        "prefix": ("c5",),
        "suffix": ("c4", "c6"),
        "period.start": ("c10", "c12"),
        "period.end": ("c10s2", "c13"),
    },
    STAFF: {
        "family": ("c2", "c2s2", "c2s3", "c2s4", "c2s5"),
        "given": ("c3", "c4"),
        "prefix": ("c6",),
        "suffix": ("c5", "c7"),
        "period.start": ("c17", "c19"),
        "period.end": ("c17s2", "c20"),
    },
    address: {
        "line": ("c1", "c1s2", "c1s3", "c2", "c8"),
        "period.start": ("c12", "c13"),
        "period.end": ("c12s2", "c14"),
    },
    telecom: {
        "points.value": ("c1", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c12"),
        "points.kind": ("c1", "c2", "c3", "c4", "c9", "c12"),
        "points.use": ("c2",),
        "points.equipment": ("c3",),
        "points.period.start": ("c13",),
        "points.period.end": ("c14",),
    },
    identifier: {"period.start": ("c7",), "period.end": ("c8",)},
    location: {"words": ("c1", "c2", "c3", "c4", "c7", "c8", "c9")},
    destination: {"words": ("c1", "c1s2", "c2")},
    rank: {"number": ("c1",)},
    words: {"text": ("c1",)},
    language: {**_CONCEPT, "tag": ("c1", "c3", "c4", "c6", "c10", "c12")},
}


def components(segment: str, number: int, key: str) -> Iterator[tuple[int, str]]:
    """Give the components that a key of a field is made of, each with the number of its field.

    Args:
        segment: its name.
        number: that of the field.
        key: what of it, with what is below: `c4s2`, `points.value`, and nothing where it is given out whole.

    Returns:
        Pairs as (5, "c1"); (5, "") where that is all of the field.
    """
    first = key.partition(".")[0]
    if _COMPONENT.match(first):
        yield number, first
        return
    if key == "time":
        yield number, "c1"
        return
    reader = READ.get(segment, {}).get(number)
    keys = _CONCEPT if isinstance(reader, Concept) else _KEYS.get(reader, {}) if reader is not None else {}
    matching = [name for name in keys if not key or f"{name}.".startswith(f"{key}.")]
    if matching:
        yield from ((number, part) for part in dict.fromkeys(c for part in matching for c in keys[part]))
        yield from _beside(reader, matching)
    elif first in authorities.GIVEN:
        yield from ((number, component) for component in authorities.components(f"{segment}-{number}", first))
    else:
        yield number, ""


def _beside(reader: Reader | None, keys: list[str]) -> Iterator[tuple[int, str]]:
    """Give what of other fields says the system and the words of a concept."""
    if isinstance(reader, Concept):
        for field, key in ((reader.system, "system"), (reader.words, "text")):
            if field and any(name.endswith(key) for name in keys):
                yield int(field[1:]), "c1"
