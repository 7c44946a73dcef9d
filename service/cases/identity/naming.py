"""Which numbers may name a person or a stay in a message that could not be read."""

from collections.abc import Iterator
from typing import Any, Final

from service.cases.facts import facts_below
from service.values.kept.facts import Facts
from service.values.kept.service_part import ServicePart

Json = dict[str, Any]
INSURED: Final = ("subscriber_id", "member_id")


def identifiers_of(kind: str, own: Json, part: ServicePart) -> list[Json]:
    """Return the identifiers of a client or a case, and of the stays they have, as hospitals sent them too.

    Numbers of those whom they name, of doctors and insurers, are not theirs.
    """
    if kind not in {"client", "case"}:
        return []
    stays = [*own.get("stays", ()), *part.received.get("stays", ())]
    facts: list[Facts] = [part.facts, *part.stays.values()]
    return [
        *(identifier for body in (own, part.received, *stays) for identifier in body.get("identifiers", ())),
        *(identifier for stay_facts in facts for _, identifier in facts_below(stay_facts, "identifiers")),
    ]


def values_of(kind: str, own: Json, part: ServicePart) -> Iterator[str]:
    """Give the values of these identifiers, and of a client's numbers with insurers."""
    yield from (identifier["value"] for identifier in identifiers_of(kind, own, part))
    for body in (own, part.received):
        for coverage in body.get("coverages", ()):
            yield from (coverage[name] for name in INSURED if name in coverage)
