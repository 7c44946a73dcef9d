"""What a mapping reads: the document with its links replaced by what they lead to."""

import copy
from typing import Any

from service.errors import Issue, Rejected
from service.flows.ports import Unit
from service.values.documents import Document
from service.wire.contracts.links import Found, items, links

SERVICE = "$service"
EVER = ("0001-01-01", "9999-12-31")


class Source:
    """Resolves the links of one source system's documents, each document fetched once."""

    def __init__(self, unit: Unit, system: str) -> None:
        """Take the transaction to read in and the system whose ids the links are.

        `read` holds the uuids of all documents that were opened.
        """
        self.unit = unit
        self.system = system
        self.known: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.read: set[str] = set()
        self.parts: dict[tuple[str, str], dict[str, Any]] = {}

    def roots(self, document: Document) -> dict[str, Any]:
        """Return the roots of a document's mappings: itself, and for a case its client.

        Raises:
            Rejected: with the JSON pointer of each link that leads nowhere.
        """
        if document.kind != "case":
            return {document.kind: self._opened(document, None)}
        found = self.unit.find("client", self.system, str(document.client))
        assert found is not None, "a case's client is there as long as the case is"
        client = self._opened(found, None)
        case = self._opened(document, client)
        case["client"] = client
        case.update(document.body.get(SERVICE, {}))
        return {"case": case, "client": client}

    def _opened(self, document: Document, client: dict[str, Any] | None) -> dict[str, Any]:
        """Return a copy of a document with uuid and with its links followed, level by level."""
        top = self._copy(document)
        self.known[document.kind, self.system, document.source_id] = top
        near = {"client": client, document.kind: top}
        issues: list[Issue] = []
        level = [(document.kind, top)]
        while level:
            found = [link for kind, body in level for link in links(kind, body)]
            fetched = self._fetch(found)
            for link in found:
                target = self._target(link, near)
                if target is None:
                    issues.append(_nowhere(link))
                link.part[link.key] = target
            level = fetched
        if issues:
            raise Rejected(f"The {document.kind} names what is not there.", issues=issues)
        return top

    def _fetch(self, found: list[Found]) -> list[tuple[str, dict[str, Any]]]:
        """Fetch the documents that are not known yet, in one query; return them with their kinds."""
        wanted = {
            (link.to, self.system, link.id) for link in found if "." not in link.to and link.to != "client"
        }
        missing = sorted(wanted - self.known.keys())
        fetched = []
        for key, document in self.unit.find_many(missing).items() if missing else ():
            self.known[key] = self._copy(document)
            fetched.append((document.kind, self.known[key]))
        return fetched

    def _target(self, link: Found, near: dict[str, Any]) -> Any:
        root, _, path = link.to.partition(".")
        if not path:
            return near["client"] if root == "client" else self.known.get((root, self.system, link.id))
        place = (near[root]["uuid"], path)
        if place not in self.parts:
            self.parts[place] = items(near[root], path)
        return self.parts[place].get(link.id)

    def _copy(self, document: Document) -> dict[str, Any]:
        self.read.add(document.uuid)
        body = {key: value for key, value in document.body.items() if key != SERVICE}
        return {**copy.deepcopy(body), "uuid": document.uuid}


def _nowhere(link: Found) -> Issue:
    what = link.to.rpartition(".")[2].replace("_", " ").removesuffix("s")
    return Issue(f"No {what} has this id; PUT it first.", link.where, "not-found")


def members(client: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return a client's memberships: (payer's identifier system, value, first day, last day), active ones."""
    rows = []
    for coverage in client.get("coverages", []):
        if coverage["status"] != "active":
            continue
        period = coverage.get("period", {})
        start, end = period.get("start", EVER[0])[:10], period.get("end", EVER[1])[:10]
        rows += [
            (each["system"], each["value"], _filled(start, "-01-01"), _filled(end, "-12-31"))
            for each in coverage["payer"].get("identifiers", [])
        ]
    return rows


def _filled(day: str, rest: str) -> str:
    """Complete a partial date to its first or last day: a month's last day is taken as the 31st."""
    return (day + rest)[:10] if len(day) == 4 else (day + rest[3:])[:10]
