"""What one event of a hospital does to a client and its cases, in a transaction that is open.

The rules are in `cases/`; here is found whom they are about.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeVar

from service.cases.facts import value
from service.cases.hospital.discharge import (
    alias_facts,
    digest,
    moment,
    new_key,
    number_path,
    person_facts,
    start_of,
    stay_facts,
    stay_id,
)
from service.cases.hospital.rules import Refusal, several_stays, unusable
from service.cases.hospital.stays import Ambiguous, by_visits, matching_keys, told_by
from service.cases.identity.identifiers import is_visit
from service.errors import Conflict, Issue, Stale
from service.flows.case.chart import Chart, Desk
from service.flows.case.directory import Directory
from service.flows.case.identity.merging import absorb
from service.flows.case.identity.people import Held, People, check
from service.flows.ports import Unit
from service.flows.projection.events import instant
from service.flows.projection.project import Change, Projection
from service.values.access.scope import Partner
from service.values.ids import resource_id
from service.values.inbound.inbox import UNCONDITIONAL, Preconditions, Stay
from service.values.inbound.pathways import Pathway
from service.values.kept.documents import Document
from service.values.kept.facts import Facts, Moment

Json = dict[str, Any]
T = TypeVar("T")
CAUSE: Final = "receive"


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What an event came to: the client, the case when there is one, and the stay."""

    touched: tuple[Document, ...]
    stay: Stay


@dataclass(frozen=True, slots=True)
class Intake:
    """The story of one event."""

    projection: Projection
    pathways: Sequence[Pathway]

    def apply(
        self, unit: Unit, partner: Partner, said: Json, at: datetime, asked: Preconditions = UNCONDITIONAL
    ) -> IntakeResult:
        """Use an event, loaded against its contract, as far as its sender's conditions let it be used.

        Raises as `apply_all`.
        """
        return self.apply_all(unit, partner, [(said, asked)], at)[0]

    def apply_all(
        self, unit: Unit, partner: Partner, events: Iterable[tuple[Json, Preconditions]], at: datetime
    ) -> list[IntakeResult]:
        """Use the events of a message in their order, each with its sender's conditions.

        What is told of the same person in a row is stored and projected once.

        Raises:
            Stale: the conditions do not let one be used.
            Held: one is not used: to be kept in quarantine, or ignored.
            Rejected: a mapping makes something of them that is not valid R4.
            Conflict: another transaction made the same client or directory entry first: run again.
        """
        change = Change(partner.name, CAUSE, at)
        directory = Directory(unit, self.projection, partner, change)
        desk = Desk(unit, self.projection, self.pathways, directory, change)
        sitting = _Sitting(desk, partner, People(unit, partner))
        return [applied for _, row in groupby(events, key=_about) for applied in sitting.use(list(row))]


def _about(event: tuple[Json, Preconditions]) -> tuple[Any, ...]:
    """Return by what it is told whom an event is about."""
    patient, asked = event[0].get("patient", {}), event[1]
    return patient.get("identifiers"), patient.get("merged_from"), asked.new_person


@dataclass(frozen=True, slots=True)
class _Sitting:
    """Uses what one message tells."""

    desk: Desk
    partner: Partner
    people: People

    def use(self, events: Sequence[tuple[Json, Preconditions]]) -> list[IntakeResult]:
        """Use events about one person; raises as `Intake.apply_all`."""
        chart, there, results = None, None, []
        at = self.desk.change.at
        for said, asked in events:
            check(unusable(said, self.partner.intake, at))
            if chart is None:
                there = _client_by_number(self.people, asked)
                chart = self._chart(said) if there is None else self._lock_chart(there, asked)
            known = said if there is None else {**said, "patient": {"identifiers": []}}
            results.append(self._take_event(chart, known, asked))
        if chart is not None and not all(isinstance(result, Stay) for result in results):
            chart.save()
        return [self._result(chart, result) for result in results]

    def _lock_chart(self, uuid: str, asked: Preconditions) -> Chart:
        def find() -> set[str | None]:
            return {_client_by_number(self.people, asked)}

        return _lock_found(self.desk, self.people, {uuid}, find)[uuid]

    def _chart(self, said: Json) -> Chart:
        if said["event"] == "merge":
            return _merge_charts(self.desk, self.people, said, self._moment(said))
        return _chart_of_patient(self.desk, self.people, said["patient"])

    def _take_event(self, chart: Chart, said: Json, asked: Preconditions) -> Stay | tuple[str | None, bool]:
        """Take in an event; return the key of its stay and whether it is new, or the stay that is there."""
        unit, partner, when = self.desk.unit, self.partner, self._moment(said)
        if asked.new_stay is not None and (stays := _stays(unit, chart, asked.new_stay, partner)):
            only = _only(stays, asked)
            version = unit.resources.version_of(partner.view, "Encounter", only) if only else None
            return Stay(only, is_new=False, version=version)
        key = _stay(chart, said, partner)
        if asked.versions is not None:
            _check_version(unit, chart, key, partner.view, asked)
        named = said["patient"]["identifiers"]
        # who is new came of nobody else
        mine = self.people.left_to(chart.client.uuid, named) if chart.before else named
        known = {**said, "patient": {**said["patient"], "identifiers": mine}}
        chart.say(person_facts(known, when, partner.name), self.people.pairs(mine))
        is_new = key is not None and not chart.has(key)
        if key is not None:
            self._check_elsewhere(chart, key, said["stay"]["identifiers"], named)
            chart.stay(key, stay_facts(said, when, partner.name), partner.intake)
        self.desk.directory.hear(said, when)
        return key, is_new

    def _result(self, chart: Chart | None, result: Stay | tuple[str | None, bool]) -> IntakeResult:
        if chart is None or isinstance(result, Stay):
            return IntakeResult((), result if isinstance(result, Stay) else Stay(None, is_new=False))
        key, is_new = result
        case = chart.home(key) if key is not None else None
        if case is None or key is None:
            return IntakeResult((chart.client,), Stay(None, is_new))
        encounter = resource_id(case.uuid, "Encounter", stay_id(key))
        version = self.desk.unit.resources.version_of(self.partner.view, "Encounter", encounter)
        return IntakeResult((chart.client, case), Stay(encounter, is_new, version))

    def _check_elsewhere(self, chart: Chart, key: str, sent: Sequence[Json], named: Sequence[Json]) -> None:
        """Refuse a stay that is another client's: a hospital's visit number is one person's.

        Those that the stay has already were looked for when they came.
        """
        held = chart.stays().get(key, {})
        news = [number["value"] for number in sent if is_visit(number) and number_path(number) not in held]
        for case in self.desk.unit.documents.find_by_values("case", news) if news else ():
            theirs = told_by(self.partner.name, _going(case))
            if case.client == chart.client.uuid or not by_visits(sent, theirs):
                continue
            if self.people.find(named) - {chart.client.uuid}:
                raise Conflict("Another transaction has made the same client; try again.")
            what = "This stay is another client's: correct the visit number or the patient, and replay."
            where = "/stay/identifiers"
            raise Held(Refusal("quarantine", "stay-elsewhere", what, where, "duplicate", passing=True))

    def _moment(self, said: Json) -> Moment:
        return moment(said["event"], said.get("recorded") or instant(self.desk.change.at))


def _going(case: Document) -> dict[str, Facts]:
    """Return the stays of a case that were not cancelled: a number of such a one is free again."""
    return {key: facts for key, facts in case.service.stays.items() if value(facts, "status") != "cancelled"}


def _chart_of_patient(desk: Desk, people: People, patient: Json) -> Chart:
    """Return the chart of the client whom an event is about, a new one where that is somebody unknown."""
    uuid = people.client_of(patient)
    if uuid is None:
        return desk.new_chart()
    return _lock_found(desk, people, {uuid}, lambda: {people.client_of(patient)})[uuid]


def _lock_found(
    desk: Desk, people: People, uuids: set[str], find: Callable[[], AbstractSet[str | None]]
) -> dict[str, Chart]:
    """Lock clients who were found without a lock; of one that was changed since, ask again who is meant.

    Raises:
        Conflict: others are meant by now.
    """
    charts = {uuid: desk.chart(uuid) for uuid in sorted(uuids)}
    if any(people.is_another_by_now(chart.client) for chart in charts.values()) and find() != uuids:
        raise Conflict("Another transaction has changed who is meant; try again.")
    return charts


def _stay(chart: Chart, said: Json, partner: Partner) -> str | None:
    """Return the key of the partner's stay that an event is about, which may be known by another number.

    Raises:
        Held: its number is that of several.
    """
    sent = said.get("stay", {}).get("identifiers", [])
    if said["event"] == "merge" or not sent:
        return None
    try:
        keys = matching_keys(sent, told_by(partner.name, chart.stays()), start_of(said))
    except Ambiguous as exc:
        raise Held(several_stays()) from exc
    return chart.unite(keys) if keys else new_key(said, partner.name, chart.has)


def _merge_charts(desk: Desk, people: People, said: Json, when: Moment) -> Chart:
    """Return the chart of the client who stays, who has become the one who is no longer used.

    Whom only one of the two is known as gets the other's identifiers; so whatever is late finds its client.
    """
    patient = said["patient"]

    def find() -> tuple[set[str], set[str]]:
        holders = people.holders(patient["identifiers"])
        # a number that is replaced is theirs as well as the one that replaces it
        known = [*patient["identifiers"], *patient["merged_from"]]
        people.check_agreement({**patient, "identifiers": known}, holders)
        return people.become(holders), people.find(patient["merged_from"])

    kept, gone = find()
    for uuids in (kept, gone):
        people.check(uuids or kept or gone)
    charts = _lock_found(desk, people, kept | gone, lambda: set.union(*find()))
    if kept and gone and kept != gone:
        chart, other = charts[min(kept)], charts[min(gone)]
        absorb(chart, other)
        other.save()
        return chart
    chart = charts[min(kept | gone)] if charts else desk.new_chart()
    aliases = people.left_to(chart.client.uuid, patient["merged_from"])
    chart.say(alias_facts(aliases, when), people.pairs(aliases))
    return chart


def _client_by_number(people: People, asked: Preconditions) -> str | None:
    """Return the client whom the identifier finds that only somebody new is to be made with.

    It finds nobody whom it would not find as a number of the patient who is sent.
    """
    if asked.new_person is None:
        return None
    system, value_ = asked.new_person
    uuids = people.find([{"system": system, "value": value_}])
    return _only(sorted(uuids), asked) if uuids else None


def _stays(unit: Unit, chart: Chart, pair: tuple[str, str], partner: Partner) -> list[str | None]:
    """Return the Encounters of a partner's stays that have an identifier; None for one that is in no case."""

    def having(document: Document) -> list[str]:
        stays = told_by(partner.name, document.service.stays)
        return [key for key, facts in stays.items() if f"identifiers.{digest(*pair)}" in facts]

    cases = unit.documents.find_by_identifiers("case", [pair])
    named = [resource_id(case.uuid, "Encounter", stay_id(key)) for case in cases for key in having(case)]
    return [*named, *(None for _ in having(chart.client))]


def _only(candidates: Sequence[T], asked: Preconditions) -> T:
    if len(candidates) > 1:
        what = "Several have this identifier; name one that tells them apart."
        raise Stale(what, issues=[Issue(what, asked.where, "multiple-matches")])
    return candidates[0]


def _check_version(unit: Unit, chart: Chart, key: str | None, view: str, asked: Preconditions) -> None:
    case = chart.home(key) if key is not None else None
    version = None
    if case is not None and key is not None:
        encounter = resource_id(case.uuid, "Encounter", stay_id(key))
        version = unit.resources.version_of(view, "Encounter", encounter)
    if asked.versions is not None and (version is None or version not in asked.versions):
        what = "The stay is of another version, or not there; send it with the ETag of the last answer."
        raise Stale(what, where=asked.where)
