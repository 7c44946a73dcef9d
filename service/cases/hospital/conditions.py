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
    found: dict[str, str] = {}
    for each in received:
        told = each["code"]
        alike = [mine["id"] for mine in own if _coded_alike(mine["code"], told)]
        alike += [mine["id"] for mine in own if _worded_alike(mine["code"], told)]
        if alike:
            found[each["id"]] = alike[0]
    return found


def own_conditions_with_codes(
    own: Sequence[Json], received: Sequence[Json], one: dict[str, str]
) -> list[Json]:
    """Return the case's own conditions, those in words alone with the code that a hospital gave them.

    `one` is what `same` found.
    """
    codes: dict[str, Json] = {}
    for each in received:
        if each["id"] in one and "code" in each["code"]:
            told = {name: each["code"][name] for name in CODING if name in each["code"]}
            codes.setdefault(one[each["id"]], told)
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
    return {(each["system"], each["code"]) for each in codings if "system" in each and "code" in each}


def _words(code: Json) -> set[str]:
    """Return what a diagnosis is called, whatever its case, spacing and punctuation."""
    told = (code[name] for name in ("text", "display") if name in code)
    found = (" ".join(re.findall(r"\w+", normalize("NFKC", each).casefold())) for each in told)
    return {each for each in found if each}
