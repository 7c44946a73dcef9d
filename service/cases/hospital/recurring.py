"""The diagnoses of several stays as conditions of one case: the same one again, or a recurrence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from service.cases.hospital.discharge import condition_id, digest
from service.values.dates import may_be_same_day

Json = dict[str, Any]
OF_CONDITION: Final = ("clinical_status", "verification_status", "onset", "abatement", "recorded")
ABATED: Final = frozenset({"inactive", "resolved", "remission"})
DIAGNOSIS: Final = "encounter-diagnosis"


def conditions(stays: Mapping[str, tuple[str, Sequence[Json]]]) -> dict[tuple[str, str], Json]:
    """Return the condition that each diagnosis of a stay is, by the stay's key and `condition_id`.

    A code is one condition of a case, of which a later stay may know more, until one tells of another onset
    or end: then it came again, and is another condition. In whatever order stays came in, the result is one.

    Args:
        stays: by a stay's key, when it began ("" where nobody said) and its diagnoses; of those with one code
            the first holds.
    """
    by_diagnosis: dict[tuple[str, str], Json] = {}
    for code, tellings in _by_code(stays).items():
        for number, group in enumerate(_occurrences(tellings)):
            keys = [key for key, _ in group]
            id_ = code if number == 0 else f"dx-{digest(code, keys[0])[:16]}"
            condition = _condition(id_, [diagnosis for _, diagnosis in group])
            by_diagnosis |= {(key, code): condition for key in keys}
    return by_diagnosis


def _by_code(stays: Mapping[str, tuple[str, Sequence[Json]]]) -> dict[str, list[tuple[str, Json]]]:
    """Return the stays with each code and its diagnosis, by onset or else the stay's start."""
    by_code: dict[str, dict[str, Json]] = {}
    for key, (_, diagnoses) in stays.items():
        for diagnosis in diagnoses:
            by_code.setdefault(condition_id(diagnosis["code"]), {}).setdefault(key, diagnosis)

    def when(telling: tuple[str, Json]) -> tuple[str, str]:
        key, diagnosis = telling
        return diagnosis.get("onset") or stays[key][0], key

    return {code: sorted(tellings.items(), key=when) for code, tellings in by_code.items()}


def _occurrences(tellings: Sequence[tuple[str, Json]]) -> Iterator[list[tuple[str, Json]]]:
    group: list[tuple[str, Json]] = []
    for key, diagnosis in tellings:
        if group and any(_came_again(before, diagnosis) for _, before in group):
            yield group
            group = []
        group.append((key, diagnosis))
    yield group


def _came_again(before: Json, diagnosis: Json) -> bool:
    """Return whether a diagnosis is not what an earlier stay tells of: it began or ended another day."""
    if any(_differs(before.get(name), diagnosis.get(name)) for name in ("onset", "abatement")):
        return True
    goes_on = diagnosis.get("clinical_status") not in {None, *ABATED}
    return "abatement" in before and "abatement" not in diagnosis and goes_on


def _differs(one: str | None, other: str | None) -> bool:
    """Return whether two dates are of different days; a part of a date is any day in it."""
    return one is not None and other is not None and not may_be_same_day(one, other)


def _condition(id_: str, tellings: Sequence[Json]) -> Json:
    """Return a condition as a case has it; when it abated is told of one that has (R4 con-4).

    The last word holds; it was recorded when it first was.
    """
    members: Json = {}
    for diagnosis in tellings:
        members |= {name: diagnosis[name] for name in OF_CONDITION if name in diagnosis}
    if recorded := [diagnosis["recorded"] for diagnosis in tellings if "recorded" in diagnosis]:
        members["recorded"] = min(recorded)
    if "abatement" in members and members.setdefault("clinical_status", "inactive") not in ABATED:
        del members["abatement"]
    return {"id": id_, "code": tellings[0]["code"], "category": DIAGNOSIS, **members}
