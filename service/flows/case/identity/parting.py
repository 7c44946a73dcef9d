"""Parts a client who was made of two persons: some of its numbers and stays become somebody else's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.cases.facts import facts_below, value
from service.cases.hospital.discharge import digest, moment
from service.errors import Conflict, NotFound
from service.flows.case.chart import Chart, Desk
from service.flows.case.directory import Directory
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import instant
from service.flows.projection.project import Change, Projection
from service.values.access.scope import Partner, Scope
from service.values.inbound.intake import IntakeSettings
from service.values.inbound.pathways import Pathway
from service.values.kept.documents import Document
from service.values.kept.facts import Fact, Facts

CAUSE: Final = "part"
# whatever the kind of a stay, it goes along
ANY: Final = IntakeSettings(kinds=("inpatient", "emergency", "outpatient", "short-stay", "unknown"))
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parting:
    """The story of one person who turns out to be two."""

    store: Store
    projection: Projection
    pathways: Sequence[Pathway]
    clock: Clock

    def part(
        self, scope: Scope, partner: Partner, ref: str, numbers: Sequence[Pair], visits: Sequence[Pair]
    ) -> tuple[Document, Document]:
        """Make somebody new of some identifiers of a client and of stays, as (system, value); return both.

        What was said of the person otherwise stays where it is: the next message says it of who it is about.

        Raises:
            NotFound: no client of the scope has this id.
            Conflict: no hospital sent such an identifier, or there is no such stay.
        """
        named = self.store.document(scope, "client", partner.name, ref)
        if named is None:
            raise NotFound("There is no such client.")
        change = Change(partner.name, CAUSE, self.clock())

        def story(unit: Unit) -> tuple[Document, Document]:
            directory = Directory(unit, self.projection, partner, change)
            desk = Desk(unit, self.projection, self.pathways, directory, change)
            chart, other = desk.chart(named.uuid), desk.new_chart()
            moved = _take_numbers(chart, numbers, instant(change.at))
            stays = {key: chart.take(key) for key in _keys(chart, visits)}
            # it is the hospital's that sent it, as it would have been
            by = next((value(facts, "partner") for facts in stays.values()), None) or chart.client.source
            other.client = replace(other.client, source=by)
            other.say(moved, numbers)
            chart.save()
            for key, facts in stays.items():
                other.stay(key, facts, ANY)
            other.cases = [replace(case, source=by) for case in other.cases]
            other.save()
            return chart.client, other.client

        return self.store.transact(story)


def _take_numbers(chart: Chart, numbers: Sequence[Pair], at: str) -> Facts:
    facts = chart.client.service.facts
    paths = {f"identifiers.{digest(*number)}": number for number in numbers}
    for path in paths:
        if value(facts, path) is None:
            what = "No hospital sent this identifier of the client; what the case system put, it takes off."
            raise Conflict(what, where="--identifier")
    taken = {path: facts[path] for path in paths}
    chart.say({path: Fact(moment("merge", at), None) for path in paths}, ())
    chart.forget_identifying(numbers)
    return taken


def _keys(chart: Chart, visits: Sequence[Pair]) -> list[str]:
    stays = chart.stays()
    keys = []
    for pair in visits:
        key = next((key for key, facts in stays.items() if pair in _numbers(facts)), None)
        if key is None:
            raise Conflict("The client has no stay with this number.", where="--visit")
        keys.append(key)
    return list(dict.fromkeys(keys))


def _numbers(facts: Facts) -> list[Pair]:
    return [(number["system"], number["value"]) for _, number in facts_below(facts, "identifiers")]
