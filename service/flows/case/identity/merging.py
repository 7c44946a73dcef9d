"""Two clients were one person: what one becomes of the other, and how that is undone when it was wrong.

The client who is no longer used keeps what undoing needs, a `Merge`. What is said after the merge stays
where it was said, except of the cases and stays that it names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.cases.facts import join, value
from service.cases.hospital.discharge import ALIAS, digest, moment
from service.errors import Conflict, NotFound
from service.flows.case.chart import Chart, Desk, case_for_stay, with_stays, without_stays
from service.flows.case.directory import Directory
from service.flows.case.ownership import public
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.denials import deny
from service.flows.projection.events import instant
from service.flows.projection.project import Change, Projection
from service.values.access.scope import Partner, Scope
from service.values.inbound.pathways import Pathway
from service.values.kept.documents import Document
from service.values.kept.facts import Fact, Moment
from service.values.kept.service_part import EmptiedCase, Merge

CAUSE: Final = "unmerge"


def absorb(chart: Chart, other: Chart) -> None:
    """Let a chart take in the cases, waiting stays and facts of a client who is this one.

    A case that nobody took over gives its stays to the live case of the two, and is cancelled. `other` is
    left merged.
    """
    facts = other.client.service.facts
    said = {path: fact for path, fact in facts.items() if not path.startswith("identifiers.")}
    before = chart.client.service.facts
    chart.say(said, ())
    after = chart.client.service.facts
    mine, theirs = (side.client.service.stays for side in (chart, other))
    both = {key: join(mine.get(key, {}), theirs.get(key, {})) for key in [*mine, *theirs]}
    chart.client = with_stays(chart.client, both)
    moved = tuple(case.uuid for case in other.cases)
    _move(other, chart, moved)
    merge = Merge(
        cases=moved,
        waiting={key: key in mine for key in theirs},
        overruled={path: before.get(path) for path in said if after[path] != before.get(path)},
        emptied=_gather(chart),
    )
    part = chart.client.service
    absorbed = tuple(dict.fromkeys((*part.absorbed, other.client.uuid)))
    chart.client = replace(chart.client, service=replace(part, absorbed=absorbed))
    part = replace(other.client.service, stays={}, merged_into=chart.client.uuid, merge=merge)
    other.client = replace(other.client, service=part)


def release(chart: Chart, other: Chart, merge: Merge) -> None:
    """Let a chart give back what it took in of a client who is somebody else after all."""
    for case in merge.emptied:
        _refill(chart, case)
    _move(chart, other, merge.cases)
    waiting = chart.client.service.stays
    mine = {key: facts for key, facts in waiting.items() if merge.waiting.get(key, True)}
    theirs = {key: facts for key, facts in waiting.items() if key in merge.waiting}
    said = other.client.service.facts
    restored = {
        path: merge.overruled.get(path, fact) if fact == said.get(path) else fact
        for path, fact in chart.client.service.facts.items()
    }
    facts = {path: fact for path, fact in restored.items() if fact is not None}
    absorbed = tuple(uuid for uuid in chart.client.service.absorbed if uuid != other.client.uuid)
    part = replace(chart.client.service, facts=facts, stays=mine, absorbed=absorbed)
    chart.client = replace(chart.client, service=part)
    part = replace(other.client.service, stays=theirs, merged_into=None, merge=None)
    other.client = replace(other.client, service=part)


@dataclass(frozen=True, slots=True)
class Unmerging:
    """The story of a merge that was wrong: both clients are there again, each with its cases."""

    store: Store
    projection: Projection
    pathways: Sequence[Pathway]
    clock: Clock

    def undo(self, scope: Scope, partner: Partner, ref: str) -> Document:
        """Make a merged client one of its own again; its cases return to it. Returns the client.

        Raises:
            NotFound: no client of the scope has this id.
            Conflict: it is not merged, or who it became was merged too, or the merge is too old to be undone.
        """
        named = self._find_merged(scope, partner, ref)

        def story(unit: Unit) -> Document:
            desk = self._desk(unit, partner)
            survivor = named.service.merged_into or named.uuid
            charts = {uuid: desk.chart(uuid) for uuid in sorted({named.uuid, survivor})}
            chart, other = charts[survivor], charts[named.uuid]
            release(chart, other, _merge_of(other.client, chart.client))
            chart.save()
            other.save()
            # each denies for itself again, changed or not
            deny(unit, chart.client)
            return public(other.client)

        return self.store.transact(story)

    def part(self, scope: Scope, partner: Partner, ref: str, alias: tuple[str, str]) -> Document:
        """Take an identifier off a client that a merge gave it, of somebody unknown then; return the client.

        Whoever it is of is somebody else from now on. What was said by it before stays with the client.

        Raises:
            NotFound: no client of the scope has this id.
            Conflict: no merge gave the client this identifier.
        """
        named = self._find_merged(scope, partner, ref)

        def story(unit: Unit) -> Document:
            desk = self._desk(unit, partner)
            chart = desk.chart(named.uuid)
            _take_off(chart, alias, moment("merge", instant(desk.change.at)))
            chart.save()
            return public(chart.client)

        return self.store.transact(story)

    def _find_merged(self, scope: Scope, partner: Partner, ref: str) -> Document:
        named = self.store.document(scope, "client", partner.name, ref)
        if named is None:
            raise NotFound("There is no such client.")
        return named

    def _desk(self, unit: Unit, partner: Partner) -> Desk:
        change = Change(partner.name, CAUSE, self.clock())
        directory = Directory(unit, self.projection, partner, change)
        return Desk(unit, self.projection, self.pathways, directory, change)


def _take_off(chart: Chart, alias: tuple[str, str], at: Moment) -> None:
    path = f"identifiers.{digest(*alias)}"
    identifier = value(chart.client.service.facts, path)
    if identifier is None or identifier.get("use") != ALIAS:
        raise Conflict("No merge gave the client this identifier; nothing was done.", where="/identifier")
    chart.say({path: Fact(at, None)}, ())
    chart.forget_identifying([alias])


def _merge_of(merged: Document, survivor: Document) -> Merge:
    """Return what undoing the merge of a client needs; raises Conflict where it cannot be undone."""
    merge = merged.service.merge
    if merged.service.merged_into != survivor.uuid:
        raise Conflict("This client is not merged into another; nothing was done.")
    if merge is None:
        raise Conflict("It was merged before what undoing needs was kept; correct it by hand.")
    if survivor.service.merged_into is not None:
        raise Conflict("Who this client became was merged into another later; undo that first.")
    return merge


def _move(giver: Chart, taker: Chart, cases: Sequence[str]) -> None:
    """Let cases be another client's."""
    for case in [case for case in giver.cases if case.uuid in cases]:
        giver.desk.unit.resources.move(case.uuid, taker.client.uuid)
        taker.before[case.uuid] = giver.before[case.uuid]
        taker.put(replace(case, client=taker.client.uuid))
    giver.cases = [case for case in giver.cases if case.uuid not in cases]


def _gather(chart: Chart) -> tuple[EmptiedCase, ...]:
    """Bring the stays of untaken cases into the case that goes on; return what came from where."""
    taken = [case for case in chart.cases if not case.service.untaken]
    target = case_for_stay(taken) or case_for_stay(chart.cases)
    gathered: list[EmptiedCase] = []
    for case in list(chart.cases):
        if target is not None and case.uuid != target.uuid and case.service.untaken:
            stays, more = target.service.stays, case.service.stays
            joined = {key: join(stays.get(key, {}), more.get(key, {})) for key in [*stays, *more]}
            target = with_stays(target, joined)
            chart.put(target)
            chart.put(without_stays(case))
            gathered.append(EmptiedCase(case.uuid, target.uuid, {key: key in stays for key in more}))
    return tuple(gathered)


def _refill(chart: Chart, emptied_case: EmptiedCase) -> None:
    """Give an emptied case its stays back, with all that was said of them since."""
    known = {case.uuid: case for case in chart.cases}
    case, target = known.get(emptied_case.case), known.get(emptied_case.target)
    if case is None or target is None or not case.service.emptied:
        return
    stays = target.service.stays
    back = {key: facts for key, facts in stays.items() if key in emptied_case.stays}
    left = {key: facts for key, facts in stays.items() if emptied_case.stays.get(key, True)}
    chart.put(with_stays(target, left))
    chart.put(replace(case, service=replace(case.service, stays=back, untaken=True, emptied=False)))
