"""The diagnoses of several stays as conditions of one case: one told again, or one that came again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from service.cases.hospital.discharge import condition_id, digest
from service.values.dates import may_be_same_day

Json = dict[str, Any]
OF_CONDITION: Final = ("clinical_status", "verification_status", "onset", "abatement", "recorded")
ABATED: Final = frozenset({"inactive", "resolved", "remission"})
DIAGNOSIS: Final = "encounter-diagnosis"


def conditions(told: Mapping[str, tuple[str, Sequence[Json]]]) -> dict[tuple[str, str], Json]:
    """Return the condition that each diagnosis of a stay is, by the stay's key and `condition_id`.

    A code is one condition of a case, of which a later stay may know more, until one tells of another onset
    or end: then it came again, and is another condition. In whatever order stays came in, the result is one.

    Args:
        told: by a stay's key, when it began ("" where nobody said) and its diagnoses; of those with one code
            the first holds.
    """
    found: dict[tuple[str, str], Json] = {}
    for code, tellings in _by_code(told).items():
        for number, group in enumerate(_occurrences(tellings)):
            keys = [key for key, _ in group]
            id_ = code if number == 0 else f"dx-{digest(code, keys[0])[:16]}"
            condition = _condition(id_, [said for _, said in group])
            found |= {(key, code): condition for key in keys}
    return found


def _by_code(told: Mapping[str, tuple[str, Sequence[Json]]]) -> dict[str, list[tuple[str, Json]]]:
    """Return who tells of each code what, by when that began or else the stay did."""
    found: dict[str, dict[str, Json]] = {}
    for key, (_, diagnoses) in told.items():
        for said in diagnoses:
            found.setdefault(condition_id(said["code"]), {}).setdefault(key, said)

    def when(telling: tuple[str, Json]) -> tuple[str, str]:
        key, said = telling
        return said.get("onset") or told[key][0], key

    return {code: sorted(tellings.items(), key=when) for code, tellings in found.items()}


def _occurrences(tellings: Sequence[tuple[str, Json]]) -> Iterator[list[tuple[str, Json]]]:
    group: list[tuple[str, Json]] = []
    for key, said in tellings:
        if group and any(_came_again(before, said) for _, before in group):
            yield group
            group = []
        group.append((key, said))
    yield group


def _came_again(before: Json, said: Json) -> bool:
    """Return whether a diagnosis is not what an earlier stay tells of: it began or ended another day."""
    if any(_differs(before.get(name), said.get(name)) for name in ("onset", "abatement")):
        return True
    goes_on = said.get("clinical_status") not in {None, *ABATED}
    return "abatement" in before and "abatement" not in said and goes_on


def _differs(one: str | None, other: str | None) -> bool:
    """Return whether two dates are of different days; a part of a date is any day in it."""
    return one is not None and other is not None and not may_be_same_day(one, other)


def _condition(id_: str, tellings: Sequence[Json]) -> Json:
    """Return a condition as a case has it; when it abated is told of one that has (R4 con-4).

    The last word holds; it was recorded when it first was.
    """
    more: Json = {}
    for said in tellings:
        more |= {name: said[name] for name in OF_CONDITION if name in said}
    if recorded := [said["recorded"] for said in tellings if "recorded" in said]:
        more["recorded"] = min(recorded)
    if "abatement" in more and more.setdefault("clinical_status", "inactive") not in ABATED:
        del more["abatement"]
    return {"id": id_, "code": tellings[0]["code"], "category": DIAGNOSIS, **more}
