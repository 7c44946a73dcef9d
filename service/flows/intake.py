"""What one event of a hospital does to a client and its cases, in a transaction that is open.

The rules are in `cases/`; here is found whom they are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.cases.discharge import alias_facts, key_of, moment, person_facts, stay_facts, stay_id
from service.cases.facts import Moment
from service.cases.rules import Refusal, identifying, unusable, whose
from service.errors import Issue, Rejected
from service.flows.chart import Chart, Desk
from service.flows.directory import Directory
from service.flows.events import instant
from service.flows.ports import Unit
from service.flows.project import Change, Projection
from service.values.documents import Document
from service.values.ids import resource_id
from service.values.inbox import Stay
from service.values.pathways import Pathway
from service.values.scope import Partner

CAUSE: Final = "receive"


class Held(Rejected):
    """An event that is not used now; `refusal` says what becomes of it."""

    code = "business-rule"

    def __init__(self, refusal: Refusal) -> None:
        """Take the rule's word."""
        super().__init__(refusal.what, issues=[Issue(refusal.what, refusal.where, self.code)])
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Applied:
    """What an event came to: the client, the case when there is one, and the stay."""

    touched: tuple[Document, ...]
    stay: Stay


@dataclass(frozen=True, slots=True)
class Intake:
    """The story of one event."""

    projection: Projection
    pathways: Sequence[Pathway]

    def apply(self, unit: Unit, partner: Partner, said: dict[str, Any], at: datetime) -> Applied:
        """Use an event, loaded against its contract.

        Raises:
            Held: it is not used: to be kept in quarantine, or ignored.
            Rejected: a mapping makes something of it that is not valid R4.
            Conflict: another transaction made the same client or directory entry first: run again.
        """
        _check(unusable(said, partner.intake, at))
        change = Change(partner.name, CAUSE, at)
        directory = Directory(unit, self.projection, partner, change)
        desk = Desk(unit, self.projection, self.pathways, directory, change)
        when = moment(said["event"], said.get("recorded") or instant(at))
        if said["event"] == "merge":
            chart = _merged(desk, partner, said, when)
        else:
            chart = _opened(desk, partner, said)
        chart.say(person_facts(said, when, partner.name), _pairs(said["patient"]["identifiers"], partner))
        key, case = key_of(said), None
        is_new = key is not None and not chart.has(key)
        if key is not None and said["event"] != "merge":
            if is_new:
                _check_elsewhere(unit, chart, key, said["stay"]["identifiers"][0])
            case = chart.stay(key, stay_facts(said, when, partner.name), partner.intake)
        chart.save()
        if case is None or key is None:
            return Applied((chart.client,), Stay(None, is_new))
        return Applied((chart.client, case), Stay(resource_id(case.uuid, "Encounter", stay_id(key)), is_new))


def _opened(desk: Desk, partner: Partner, said: dict[str, Any]) -> Chart:
    """Return the chart of the client whom the event is about, a new one where that is somebody unknown."""
    clients = _clients(desk.unit, said["patient"]["identifiers"], partner)
    _check(whose(clients, partner.intake))
    return desk.chart(min(clients)) if clients else desk.new_chart()


def _merged(desk: Desk, partner: Partner, said: dict[str, Any], when: Moment) -> Chart:
    """Return the chart of the client who stays, who has become the one who is no longer used.

    Whom only one of the two is known as gets the other's identifiers; so whatever is late finds its client.
    """
    patient = said["patient"]
    kept = _clients(desk.unit, patient["identifiers"], partner)
    gone = _clients(desk.unit, patient["merged_from"], partner)
    for each in (kept, gone):
        _check(whose(each or kept or gone, partner.intake))
    if kept and gone and kept != gone:
        charts = {uuid: desk.chart(uuid) for uuid in sorted(kept | gone)}
        chart, other = charts[min(kept)], charts[min(gone)]
        chart.absorb(other)
        other.save()
        return chart
    chart = desk.chart(min(kept | gone)) if kept | gone else desk.new_chart()
    chart.say(alias_facts(patient["merged_from"], when), _pairs(patient["merged_from"], partner))
    return chart


def _clients(unit: Unit, identifiers: Sequence[dict[str, Any]], partner: Partner) -> set[str]:
    """Return the uuids of the clients that identifiers find; of a merged one, who they have become."""
    pairs = _pairs(identifiers, partner)
    found = unit.named("client", pairs) if pairs else []
    return {_survivor(unit, each) for each in found}


def _survivor(unit: Unit, client: Document) -> str:
    while (uuid := client.served.get("merged_into")) is not None:
        found = unit.find("client", "", uuid)
        assert found is not None, "who a merged client has become is there as long as the merged one is"
        client = found
    return client.uuid


def _pairs(identifiers: Sequence[dict[str, Any]], partner: Partner) -> list[tuple[str, str]]:
    return [(each["system"], each["value"]) for each in identifying(identifiers, partner.intake)]


def _check_elsewhere(unit: Unit, chart: Chart, key: str, visit: dict[str, Any]) -> None:
    """Refuse a stay that is another client's: a visit number is one person's."""
    for case in unit.named("case", [(visit["system"], visit["value"])]):
        if key in case.served.get("stays", {}) and case.client != chart.client.uuid:
            what = "This stay is another client's: correct the visit number or the patient, and replay."
            raise Held(Refusal("quarantine", "stay-elsewhere", what, "/stay/identifiers", passing=True))


def _check(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Held(refusal)
