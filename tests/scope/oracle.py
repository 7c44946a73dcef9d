"""Who sees what, in plain Python and slowly, by docs/access.md: from what was put and sent, and nothing else.

What is stored is read for one thing alone: which bytes there are, of whose document.
"""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from tests.scope.world import HOSPITALS, INSURERS, ORGANIZATIONS, PERSONS, SYSTEMS

ROWS = "SELECT type, id, version, owner, body FROM resource_history WHERE view = 'default' ORDER BY version"
DOCUMENTS = "SELECT uuid, kind, source, client FROM document"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SENSITIVE = {"F32.1": "PSY", "mental-health-service": "PSY", "B20": "HIV", "F10.2": "SUD"}
CLEARED = {"southern": {"PSY"}, "mercy": {"HIV"}}
WANTED = {"northern": "HPAYMT", "southern": "HOPERAT", "mercy": "TREAT", "lakeside": "TREAT"}
"""Of what a partner wants data for, the kind that clients name; southern's CAREMGT is one of operations."""
RUN_OUT = {"northern": 0, "southern": 30, "mercy": 90, "lakeside": 0}


class Owner(NamedTuple):
    """A document: its kind, who put it or brought it, and the number of the person that it is of."""

    kind: str
    source: str
    number: str | None


class Version(NamedTuple):
    """A version of a resource as it is stored."""

    type: str
    id: str
    version: int
    owner: Owner
    body: bytes
    document: str

    @property
    def labels(self):
        """What is sensitive in it."""
        return {label for code, label in SENSITIVE.items() if code in self.body.decode()}


class Oracle:
    """Tells who sees what."""

    def __init__(self, world):
        self.world = world
        with world.house.engine.connect() as connection:
            self._read(connection.execute(text(DOCUMENTS)).all(), connection.execute(text(ROWS)).all())
        self.visible = {name: set(self._visible(name)) for name in (*SYSTEMS, *INSURERS, *HOSPITALS)}
        for name in (*INSURERS, *HOSPITALS):
            self.visible[name] |= set(self._of_directory(name, self.visible[name]))
        self.visible["engineer"] = set()

    def seen(self, partner, type_):
        """The ids of the resources of a type that a partner sees as they are now."""
        return {
            id_
            for (of, id_), versions in self.resources.items()
            if of == type_ and versions[-1][:3] in self.visible[partner]
        }

    def _read(self, documents, rows):
        patients = {row.owner: json.loads(row.body) for row in rows if row.type == "Patient"}
        numbers = {
            owner: next(i["value"] for i in patient["identifier"] if i["system"] == PERSONS)
            for owner, patient in patients.items()
        }
        self.owners = {d.uuid: Owner(d.kind, d.source, numbers.get(d.client or d.uuid)) for d in documents}
        for uuid, (source, kind, ref) in self.world.uuids.items():
            number = ref if kind in {"client", "case"} else None
            assert self.owners[uuid] == Owner(kind, source, number)
        self.resources = defaultdict(list)
        for row in rows:
            named = (row.type, row.id, row.version)
            version = Version(*named, self.owners[row.owner], bytes(row.body), row.owner)
            self.resources[row.type, row.id].append(version)

    def _visible(self, partner):
        """Give (type, id, version) of what is there because of whose it is."""
        for (type_, id_), versions in self.resources.items():
            later = set()
            for version in reversed(versions):
                later |= version.labels
                if self._is_of(partner, version.owner, later):
                    yield type_, id_, version.version
            if partner in SYSTEMS and versions[-1].owner.number is None and self._is_named(partner, id_):
                yield from ((type_, id_, version.version) for version in versions)

    def _is_of(self, partner, owner, labels):
        if partner in SYSTEMS:
            return self.owns(partner, owner)
        if owner.number is None:
            return False
        withheld = labels - CLEARED.get(partner, set())
        return (
            self.is_related(partner, owner.number)
            and not withheld
            and not self._is_denied(partner, owner.number, labels)
        )

    def owns(self, partner, owner):
        """Whether a document is a case system's own, or was opened by who offers it that."""
        return owner.source in {partner, SYSTEMS.get(partner)}

    def _is_named(self, system, id_):
        """Whether something of a case system's refers to an entry of the directory."""
        return any(
            id_ in version.body.decode()
            for versions in self.resources.values()
            for version in versions[-1:]
            if self.owns(system, version.owner)
        )

    def _of_directory(self, partner, visible):
        """Give the entries of the directory that something refers to which a partner sees."""
        referred = set()
        for (type_, id_), versions in self.resources.items():
            if (type_, id_, versions[-1].version) in visible:
                referred |= set(UUID.findall(versions[-1].body.decode()))
        for (type_, id_), versions in self.resources.items():
            if versions[-1].owner.number is None and id_ in referred:
                yield from ((type_, id_, version.version) for version in versions)

    def is_related(self, partner, number):
        """Whether somebody is an insurer's member, or a hospital's patient."""
        if partner in INSURERS:
            return any(
                coverage["status"] == "active"
                and coverage["payer"] == partner
                and _holds(coverage["period"], RUN_OUT[partner])
                for coverage in self._client(number).get("coverages", [])
            )
        return any(_holds(period, RUN_OUT[partner]) for period in self._treatments(partner, number))

    def _client(self, number):
        return next((body for (_, kind, ref), body in self._put() if (kind, ref) == ("client", number)), {})

    def _put(self):
        return self.world.put_by.items()

    def _treatments(self, hospital, number):
        """Give the periods in which a hospital treats somebody."""
        for stay in self.world.stays[number]:
            if stay["hospital"] == hospital:
                yield _ending(stay["end"])
        case = next((body for (_, kind, ref), body in self._put() if (kind, ref) == ("case", number)), None)
        if case is None:
            return
        closed = case.get("closure", {}).get("date")
        for member in case["team"]:
            if self._stands_for(member["organization"], hospital):
                ends = [end for end in (member["period"].get("end"), closed) if end]
                yield member["period"] | ({"end": min(ends)} if ends else {})
        for stay in case["stays"]:
            if stay["hospital"] == hospital and stay["status"] != "cancelled":
                yield stay.get("period", {})

    def _stands_for(self, organization, hospital):
        return hospital in {organization, ORGANIZATIONS[organization].get("part_of")}

    def _is_denied(self, partner, number, labels):
        return any(
            self._denies(consent, partner, labels) for consent in self._client(number).get("consents", [])
        )

    def _denies(self, consent, partner, labels):
        if consent["status"] != "active" or consent["decision"] != "deny":
            return False
        # the club has no number by which to know it
        whom = {None: True, "club": True}.get(consent.get("recipient"), consent.get("recipient") == partner)
        what_for = "purposes" not in consent or WANTED[partner] in consent["purposes"]
        which = "labels" not in consent or bool(labels & set(consent["labels"]))
        return whom and what_for and which and _holds(consent.get("period", {}), 0)


def _ending(ago):
    return {} if ago is None else {"end": (_today() - timedelta(days=ago)).isoformat()}


def _holds(period, run_out):
    """Whether today is in a period, or not more than so many days behind it."""
    since = (_today() - timedelta(days=run_out)).isoformat()
    return period.get("start", "") <= _today().isoformat() and period.get("end", "9999") >= since


def _today():
    return datetime.now(UTC).date()
