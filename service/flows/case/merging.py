"""Two clients were one person: what one becomes of the other, and how that is undone when it was wrong.

The client who is no longer used keeps what undoing needs, as `merge` in its service-owned part: `cases` that
were moved; `waiting`, the stays without a case, and whether both had them; `overruled`, the facts of the one
who stays that the other's were newer than; `emptied`, each untaken case whose stays went to another.
What is said after the merge stays where it was said, except of those cases and stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from service.cases.facts import Moment, join, value
from service.cases.hospital.discharge import ALIAS, digest, moment
from service.errors import Conflict, NotFound
from service.flows.case.chart import Chart, Desk, chosen, serving
from service.flows.case.directory import Directory
from service.flows.case.ownership import UNTAKEN, public
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import instant
from service.flows.projection.project import Change, Projection
from service.values.documents import Document
from service.values.pathways import Pathway
from service.values.scope import Partner, Scope

Json = dict[str, Any]
CAUSE: Final = "unmerge"


def absorb(chart: Chart, other: Chart) -> None:
    """Let a chart take in the cases, waiting stays and facts of a client who is this one.

    A case that nobody took over gives its stays to the live case of the two, and is cancelled. `other` is
    left merged.
    """
    said = {
        path: fact
        for path, fact in other.client.served.get("facts", {}).items()
        if not path.startswith("identifiers.")
    }
    before = chart.client.served.get("facts", {})
    chart.say(said, ())
    after = chart.client.served.get("facts", {})
    mine, theirs = (each.client.served.get("stays", {}) for each in (chart, other))
    both = {key: join(mine.get(key, {}), theirs.get(key, {})) for key in [*mine, *theirs]}
    chart.client = serving(chart.client, stays=both)
    moved = [case.uuid for case in other.cases]
    _move(other, chart, moved)
    merge = {
        "cases": moved,
        "waiting": {key: key in mine for key in theirs},
        "overruled": {path: before.get(path) for path in said if after[path] != before.get(path)},
        "emptied": _gather(chart),
    }
    other.client = serving(other.client, stays={}, merged_into=chart.client.uuid, merge=merge)


def release(chart: Chart, other: Chart) -> None:
    """Let a chart give back what it took in of a client who is somebody else after all."""
    merge = other.client.served["merge"]
    for each in merge["emptied"]:
        _refill(chart, each)
    _move(chart, other, merge["cases"])
    waiting = chart.client.served.get("stays", {})
    mine = {key: facts for key, facts in waiting.items() if merge["waiting"].get(key, True)}
    theirs = {key: facts for key, facts in waiting.items() if key in merge["waiting"]}
    said = other.client.served.get("facts", {})
    facts = {
        path: merge["overruled"].get(path, fact) if fact == said.get(path) else fact
        for path, fact in chart.client.served.get("facts", {}).items()
    }
    facts = {path: fact for path, fact in facts.items() if fact is not None}
    chart.client = serving(chart.client, facts=facts, stays=mine)
    other.client = serving(other.client, stays=theirs, merged_into="", merge={})


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
        named = self._named(scope, partner, ref)

        def story(unit: Unit) -> Document:
            desk = self._desk(unit, partner)
            survivor = named.served.get("merged_into", named.uuid)
            charts = {uuid: desk.chart(uuid) for uuid in sorted({named.uuid, survivor})}
            chart, other = charts[survivor], charts[named.uuid]
            _check(chart.client, other.client)
            release(chart, other)
            chart.save()
            other.save()
            return public(other.client)

        return self.store.transact(story)

    def part(self, scope: Scope, partner: Partner, ref: str, alias: tuple[str, str]) -> Document:
        """Take an identifier off a client that a merge gave it, of somebody unknown then; return the client.

        Whoever it is of is somebody else from now on. What was said by it before stays with the client.

        Raises:
            NotFound: no client of the scope has this id.
            Conflict: no merge gave the client this identifier.
        """
        named = self._named(scope, partner, ref)

        def story(unit: Unit) -> Document:
            desk = self._desk(unit, partner)
            chart = desk.chart(named.uuid)
            _take_off(chart, alias, moment("merge", instant(desk.change.at)))
            chart.save()
            return public(chart.client)

        return self.store.transact(story)

    def _named(self, scope: Scope, partner: Partner, ref: str) -> Document:
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
    given = value(chart.client.served.get("facts", {}), path)
    if given is None or given.get("use") != ALIAS:
        raise Conflict("No merge gave the client this identifier; nothing was done.", where="/identifier")
    chart.say({path: [at, None]}, ())
    left = [each for each in chart.client.served.get("identifying", []) if tuple(each) != alias]
    chart.client = serving(chart.client, identifying=left)


def _check(survivor: Document, merged: Document) -> None:
    if merged.served.get("merged_into") != survivor.uuid:
        raise Conflict("This client is not merged into another; nothing was done.")
    if "merge" not in merged.served:
        raise Conflict("It was merged before what undoing needs was kept; correct it by hand.")
    if "merged_into" in survivor.served:
        raise Conflict("Who this client became was merged into another later; undo that first.")


def _move(giver: Chart, taker: Chart, cases: Sequence[str]) -> None:
    """Let cases be another client's."""
    for case in [each for each in giver.cases if each.uuid in cases]:
        giver.desk.unit.move(case.uuid, taker.client.uuid)
        taker.before[case.uuid] = giver.before[case.uuid]
        taker.put(replace(case, client=taker.client.uuid))
    giver.cases = [each for each in giver.cases if each.uuid not in cases]


def _gather(chart: Chart) -> list[Json]:
    """Bring the stays of untaken cases into the case that goes on; return what came from where."""
    taken = [each for each in chart.cases if not each.served.get(UNTAKEN)]
    target = chosen(taken) or chosen(chart.cases)
    found: list[Json] = []
    for case in list(chart.cases):
        if target is not None and case.uuid != target.uuid and case.served.get(UNTAKEN):
            stays, more = target.served.get("stays", {}), case.served.get("stays", {})
            joined = {key: join(stays.get(key, {}), more.get(key, {})) for key in [*stays, *more]}
            target = serving(target, stays=joined)
            chart.put(target)
            chart.put(serving(case, stays={}, **{UNTAKEN: False}, emptied=True))
            both = {key: key in stays for key in more}
            found.append({"case": case.uuid, "target": target.uuid, "stays": both})
    return found


def _refill(chart: Chart, emptied: Json) -> None:
    """Give an emptied case its stays back, with all that was said of them since."""
    known = {each.uuid: each for each in chart.cases}
    case, target = known.get(emptied["case"]), known.get(emptied["target"])
    if case is None or target is None or not case.served.get("emptied"):
        return
    stays = target.served.get("stays", {})
    back = {key: facts for key, facts in stays.items() if key in emptied["stays"]}
    left = {key: facts for key, facts in stays.items() if emptied["stays"].get(key, True)}
    chart.put(serving(target, stays=left))
    chart.put(serving(case, stays=back, **{UNTAKEN: True}, emptied=False))
