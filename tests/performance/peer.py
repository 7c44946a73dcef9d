"""A peer beside us, on the same machine and a PostgreSQL like ours: `make bench PEER=hapi HAPI_HOME=...`.

The same work alternates: a plan is read by its id, and pulled by patient and status, over eight connections;
a discharge, and a client with a case, are sent one after the other. HAPI takes a discharge as a transaction
of the message's five resources, and a case as one of all resources that we make of it. Processor time per
operation is the figure to steer by: the server's, with our relay, and its database's.
"""

import contextlib
import http.client
import json
import os
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from service.wire.json import dump, parse
from tests.performance import cost, hapi, house, processor
from tests.performance.cases import DIRECTORY
from tests.performance.discharge_in import RIVER
from tests.performance.lines import Entry, at_least, median, ratios, rounds, spread, tell
from tests.performance.read import Asked, paths_of

# a third of its processor time, and of a discharge three quarters
TIMES = {"read": 3.0, "pull": 3.0, "discharge": 1.3, "case": 3.0}
LINES = tuple(f"peer.{what}" for what in (*TIMES, "disk"))
BODIES = """
SELECT body FROM resource WHERE client = (SELECT client FROM resource WHERE type = 'Patient' AND id = %s)
"""
PATIENTS = "SELECT id FROM resource WHERE type = 'Patient'"
SENT = {"Patient", "Encounter", "Condition"}
Work = Callable[[range], tuple[float, float]]
SHARED = "SELECT body FROM resource WHERE client IS NULL"


@dataclass(frozen=True, slots=True)
class Both:
    """Our service and the peer, with the same cases in them."""

    ours: cost.Site
    peer: hapi.Hapi
    sending: http.client.HTTPConnection

    def put_in(self, numbers: range) -> tuple[float, float]:
        """Put cases into both; return the milliseconds of processors that a case took each."""
        known = set(self._patients())
        requests = [request for number in numbers for request in cost.OPERATIONS["cpu.case"](number)]
        service, database, _ = self.ours.cost(requests)
        new = [patient for patient in self._patients() if patient not in known]
        bodies = [dump(transaction(self._bodies(patient))) for patient in new]
        before = processor.seconds(*self.peer.pids)
        for body in bodies:
            hapi.send(self.sending, body)
        theirs = processor.seconds(*self.peer.pids) - before
        return 1000 * (service + database) / len(numbers), 1000 * theirs / len(numbers)

    def discharge(self, numbers: range) -> tuple[float, float]:
        """Send discharges to both; return the milliseconds of processors that each took."""
        service, database, _ = self.ours.cost(
            [one for number in numbers for one in cost.OPERATIONS["cpu.discharge"](number)]
        )
        bodies = [discharge(number) for number in numbers]
        before = processor.seconds(*self.peer.pids)
        for body in bodies:
            hapi.send(self.sending, body)
        theirs = processor.seconds(*self.peer.pids) - before
        return 1000 * (service + database) / len(numbers), 1000 * theirs / len(numbers)

    def works(self) -> list[tuple[str, Work]]:
        """Return what is written to both, by name."""
        return [("case", self.put_in), ("discharge", self.discharge)]

    def share(self) -> None:
        """Put the directory into both."""
        for (kind, name), entry in DIRECTORY.items():
            self.ours.ask(cost.Request("PUT", f"/api/directory/{kind}/{name}", dump(entry)))
        hapi.send(self.sending, dump(transaction(row for (row,) in self.ours.look.execute(SHARED))))

    def _patients(self) -> list[str]:
        return [id_ for (id_,) in self.ours.look.execute(PATIENTS)]

    def _bodies(self, patient: str) -> list[bytes]:
        return [body for (body,) in self.ours.look.execute(BODIES, (patient,))]


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the lines; nobody else is to use the peer meanwhile."""
    count, number, seconds = (20, 4, 2.0) if quick else (60, 9, 5.0)
    with (
        cost.site(servers) as ours,
        hapi.running(dict(os.environ)) as peer,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", peer.port, timeout=60)) as sending,
    ):
        both = Both(ours, peer, sending)
        both.share()
        empty = ours.stored()[0], peer.stored()
        turns = iter(range(10_000))

        def next_numbers() -> range:
            turn = next(turns)
            return range(turn * count, (turn + 1) * count)

        entries = [
            *(_written(what, work, next_numbers, number) for what, work in both.works()),
            *_read(both, number, seconds),
        ]
        order = [name.partition(".")[2] for name in LINES]
        entries.append(_disk(both, empty))
        return sorted(entries, key=lambda entry: order.index(str(entry["name"]).partition(".")[2]))


def transaction(bodies: Iterable[bytes]) -> dict[str, Any]:
    """Return the transaction that puts resources under their own ids."""
    resources = [parse(body) for body in bodies]
    return bundle_of(
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
        for each in resources
    )


def bundle_of(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the transaction of some entries."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def discharge(number: int) -> bytes:
    """Return River's discharge, of another person and stay, as a hospital sends it to a FHIR server."""
    text = (RIVER / "discharge.json").read_text(encoding="utf-8")
    named = text.replace('"R-1"', f'"R-{number:07}"').replace('"V-1"', f'"V-{number:07}"')
    sent = [entry for entry in json.loads(named)["entry"] if entry["resource"]["resourceType"] in SENT]
    return dump(bundle_of({**entry, "request": _request(entry["resource"])} for entry in sent))


def _request(resource: dict[str, Any]) -> dict[str, str]:
    """Return how a resource is written: what has a number of its own, unless it is there."""
    type_ = resource["resourceType"]
    if not (numbers := resource.get("identifier")):
        return {"method": "POST", "url": type_}
    number = f"identifier={numbers[0]['system']}|{numbers[0]['value']}"
    return {"method": "POST", "url": type_, "ifNoneExist": number}


def _written(what: str, work: Work, next_numbers: Callable[[], range], number: int) -> Entry:
    hapi.warm(what, lambda: work(next_numbers())[1])
    costs = []
    for turn in range(number):
        costs.append(work(next_numbers()))
        tell(f"peer.{what}: round {turn + 1} of {number}")
    ours, theirs = ([pair[side] for pair in costs] for side in (0, 1))
    times = ratios(theirs, ours)
    detail = (
        f"{spread(times)}; {spread(ours)} ms of processors against HAPI's {spread(theirs)}; {number} rounds"
    )
    return at_least(f"peer.{what}", median(times), "times", TIMES[what], detail)


def _read(both: Both, number: int, seconds: float) -> Iterator[Entry]:
    reads, pulls = paths_of(both.ours.look)
    pids = (both.ours.processes[0], both.ours.database)
    for what, paths in {"read": reads, "pull": pulls}.items():
        ours = Asked(both.ours.connection.port, paths, seconds, pids)
        theirs = Asked(both.peer.port, paths, seconds, both.peer.pids, {"Accept": "application/fhir+json"})

        def cost_of(asked: Asked = theirs) -> float:
            asked.round()
            return asked.milliseconds[-1]

        hapi.warm(what, cost_of)
        skipped = len(theirs.milliseconds) + 1
        rates = rounds(f"peer.{what}", number, ours.round, theirs.round)
        times = ratios(theirs.milliseconds[skipped:], ours.milliseconds[1:])
        detail = (
            f"{spread(times)}; {spread(ours.milliseconds[1:])} ms of processors against HAPI's "
            f"{spread(theirs.milliseconds[skipped:])}; {spread(rates[0])} of {spread(rates[1])} answers/s, "
            f"p50 {_middle(ours)} and {_middle(theirs)} ms, p99 {ours.p99:.1f} and {theirs.p99:.1f}; "
            f"{number} rounds of {seconds} s, 8 connections"
        )
        yield at_least(f"peer.{what}", median(times), "times", TIMES[what], detail)


def _middle(asked: Asked) -> str:
    return f"{statistics.median(came.median_ms for came in asked.answered):.1f}"


def _disk(both: Both, empty: tuple[int, int | None]) -> Entry:
    """How much more disk the peer has for the same cases and discharges."""
    (ours, _), theirs = both.ours.stored(), both.peer.stored()
    if theirs is None or empty[1] is None:
        return at_least("peer.disk", 0.0, "times", 1.0, "the peer's database is not ours to look into")
    grown = theirs - empty[1], ours - empty[0]
    detail = (
        f"HAPI's database grew by {grown[0] / 1e6:.3g} MB, ours by {grown[1] / 1e6:.3g}, with all versions"
    )
    return at_least("peer.disk", float(f"{grown[0] / grown[1]:.3g}"), "times", 1.0, detail)
