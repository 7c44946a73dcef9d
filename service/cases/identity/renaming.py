"""What the numbers of hospitals are called today that were stored under another system before.

The system of a number without a registered authority ended in the number's type: a record number of WARDS
stood under `…:WARDS:MR`, an account under `…:WARDS:AN`. Today they are of `…:WARDS` and `…:WARDS#AN`.
"""

from typing import Final

from service.values.identifiers.numbers import TYPES, is_personal
from service.values.kept.facts import Fact, Facts

OURS: Final = "urn:casebridge:authority:"


def renamed_facts(facts: Facts) -> dict[str, Fact]:
    """Return the facts of identifiers that stand under a system of before as they are said today, by path.

    What was said since is not among them: it has the names that it may also be known by.
    """
    facts_today: dict[str, Fact] = {}
    for path, (moment, identifier) in facts.items():
        if path.startswith("identifiers.") and identifier and "known_as" not in identifier:
            system, type_ = _today(identifier["system"])
            if type_ is not None:
                now = {
                    **identifier,
                    "system": system,
                    "type": identifier.get("type", type_),
                    "known_as": [identifier["system"]],
                }
                facts_today[path] = Fact(moment, now)
    return facts_today


def _today(system: str) -> tuple[str, str | None]:
    stem, _, last = system.rpartition(":")
    if not stem.startswith(OURS) or last not in TYPES:
        return system, None
    return (stem if is_personal(last) else f"{stem}#{last}"), last
