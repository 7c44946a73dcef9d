"""Gives the stored numbers of hospitals the systems that messages give them today; nobody is joined by it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.cases.facts import join
from service.cases.hospital.discharge import number_path
from service.cases.identity.renaming import renamed_facts
from service.cases.identity.suspects import Suspect, are_alike
from service.errors import Conflict
from service.flows.case.chart import Chart, Desk
from service.flows.case.directory import Directory
from service.flows.case.identity.people import numbers
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.project import Change, Projection
from service.values.access.scope import Partner, Scope
from service.values.inbound.pathways import Pathway
from service.values.kept.documents import Document
from service.values.kept.facts import Fact

CAUSE: Final = "rename"
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Renaming:
    """The story of systems that have other names since a release: one client a transaction."""

    store: Store
    projection: Projection
    pathways: Sequence[Pathway]
    clock: Clock

    def clients(self, scope: Scope) -> Iterator[Document]:
        """Give the clients who have a number under a system of before."""
        after = None
        while page := self.store.documents(scope, "client", after=after, count=PAGE):
            yield from (client for client in page if renamed_facts(client.service.facts))
            after = page[-1].uuid

    def rename(self, partner: Partner, client: Document) -> list[Suspect]:
        """Rename the systems of a client's numbers; messages follow as of any change.

        A number that somebody else has by today's name stays as it is.

        Returns:
            The two clients of each number that stayed, to be looked at.
        """

        def story(unit: Unit) -> list[Suspect]:
            change = Change(partner.name, CAUSE, self.clock())
            directory = Directory(unit, self.projection, partner, change)
            try:
                chart = Desk(unit, self.projection, self.pathways, directory, change).chart(client.uuid)
            except Conflict:
                return []  # erased since
            held = [suspect for suspect in _rename_numbers(unit, chart) if suspect is not None]
            chart.save()
            return held

        return self.store.transact(story)


def _rename_numbers(unit: Unit, chart: Chart) -> Iterator[Suspect | None]:
    """Rename each number that nobody else has; give who else has it."""
    for path, fact in renamed_facts(chart.client.service.facts).items():
        number = fact.value
        holders = [
            other.uuid
            for other in unit.documents.find_by_values("client", [number["value"]])
            if other.uuid != chart.client.uuid and any(are_alike(number, one) for one in numbers(other))
        ]
        if holders:
            yield Suspect("same-number", tuple(sorted([chart.client.uuid, *holders])), (number["system"],))
            continue
        yield None
        _put_fact(chart, path, fact)


def _put_fact(chart: Chart, path: str, fact: Fact) -> None:
    part, number = chart.client.service, fact.value
    others = {at: other for at, other in part.facts.items() if at != path}
    before, now = (number["known_as"][0], number["value"]), (number["system"], number["value"])
    finding = tuple(now if pair == before else pair for pair in part.identifying)
    facts = join(others, {number_path(number): fact})
    chart.client = replace(chart.client, service=replace(part, facts=facts, identifying=finding))
