"""Gives the stored numbers of hospitals the systems that messages give them today; nobody is joined by it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.cases.facts import join
from service.cases.hospital.discharge import number_path
from service.cases.identity.renaming import renamed
from service.cases.identity.suspects import Suspect, are_alike
from service.errors import Conflict
from service.flows.case.chart import Chart, Desk, serving
from service.flows.case.directory import Directory
from service.flows.case.people import numbers
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.project import Change, Projection
from service.values.documents import Document
from service.values.pathways import Pathway
from service.values.scope import Partner, Scope

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
            yield from (each for each in page if renamed(each.served.get("facts", {})))
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
            held = [suspect for suspect in _renamed(unit, chart) if suspect is not None]
            chart.save()
            return held

        return self.store.transact(story)


def _renamed(unit: Unit, chart: Chart) -> Iterator[Suspect | None]:
    """Rename each number that nobody else has; give who else has it."""
    for path, fact in renamed(chart.client.served.get("facts", {})).items():
        number = fact[1]
        holders = [
            each.uuid
            for each in unit.valued("client", [number["value"]])
            if each.uuid != chart.client.uuid and any(are_alike(number, one) for one in numbers(each))
        ]
        if holders:
            yield Suspect("same-number", tuple(sorted([chart.client.uuid, *holders])), (number["system"],))
            continue
        yield None
        _put(chart, path, fact)


def _put(chart: Chart, path: str, fact: list[Any]) -> None:
    served, number = chart.client.served, fact[1]
    others = {at: each for at, each in served["facts"].items() if at != path}
    before = [number["known_as"][0], number["value"]]
    finding = [
        [number["system"], number["value"]] if each == before else each
        for each in served.get("identifying", [])
    ]
    chart.client = serving(chart.client, facts=join(others, {number_path(number): fact}), identifying=finding)
