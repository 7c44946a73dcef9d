"""A diagnosis that a hospital and the case system both tell of is one condition of the case."""

import re
from collections.abc import Sequence
from typing import Any, Final
from unicodedata import normalize

Json = dict[str, Any]
CODING: Final = ("system", "code", "display")


def same(own: Sequence[Json], received: Sequence[Json]) -> dict[str, str]:
    """Return which received conditions are the case's own: by id, the id of its own.

    They agree by system and code; or else by their words, unless one system has two codes for them.
    """
    own_ids: dict[str, str] = {}
    for condition in received:
        code = condition["code"]
        alike = [mine["id"] for mine in own if _coded_alike(mine["code"], code)]
        alike += [mine["id"] for mine in own if _worded_alike(mine["code"], code)]
        if alike:
            own_ids[condition["id"]] = alike[0]
    return own_ids


def own_conditions_with_codes(
    own: Sequence[Json], received: Sequence[Json], one: dict[str, str]
) -> list[Json]:
    """Return the case's own conditions, those in words alone with the code that a hospital gave them.

    `one` is what `same` found.
    """
    codes: dict[str, Json] = {}
    for condition in received:
        if condition["id"] in one and "code" in condition["code"]:
            coding = {name: condition["code"][name] for name in CODING if name in condition["code"]}
            codes.setdefault(one[condition["id"]], coding)
    return [
        {**mine, "code": {**codes[mine["id"]], **mine["code"]}}
        if mine["id"] in codes and "code" not in mine["code"]
        else mine
        for mine in own
    ]


def _coded_alike(one: Json, other: Json) -> bool:
    return not _keys(one).isdisjoint(_keys(other))


def _worded_alike(one: Json, other: Json) -> bool:
    if "code" in one and "code" in other and one.get("system") == other.get("system"):
        return False
    return not _words(one).isdisjoint(_words(other))


def _keys(code: Json) -> set[tuple[str, str]]:
    """Return the codes of a concept that say of what system they are."""
    codings = [code, *code.get("alternates", ())]
    return {
        (coding["system"], coding["code"]) for coding in codings if "system" in coding and "code" in coding
    }


def _words(code: Json) -> set[str]:
    """Return what a diagnosis is called, whatever its case, spacing and punctuation."""
    texts = (code[name] for name in ("text", "display") if name in code)
    phrases = (" ".join(re.findall(r"\w+", normalize("NFKC", text).casefold())) for text in texts)
    return {phrase for phrase in phrases if phrase}
