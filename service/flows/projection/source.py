"""What a mapping reads: the document with its links replaced by what they lead to."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from service.cases.hospital.discharge import stay_id
from service.cases.hospital.received import whole
from service.cases.hospital.stays import history
from service.errors import Issue, Rejected
from service.values.dates import EVER, first_day, last_day
from service.values.ids import resource_id
from service.values.kept.documents import Document
from service.values.kept.service_part import statuses_as_json
from service.wire.contracts.links import LinkFound, items, links

# a union would be made for each node anew
_NODES: Final = (dict, list)
ENTRIES: Final = {"practitioner": "Practitioner", "organization": "Organization", "location": "Location"}


class Linked(Protocol):
    """Where links lead to."""

    def find(self, kind: str, source: str, ref: str) -> Document | None:
        """Return a document that a link names, by (source, id) or by our uuid."""

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:
        """`find` for many (kind, source, ref) at once."""

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return the uuids of erased entries of the directory that (kind, source, ref) name."""


class Source:
    """Resolves the links of documents, each document fetched once."""

    def __init__(self, documents: Linked, read: Iterable[Document] = ()) -> None:
        """Take where to look links up, and documents that are `read` already.

        Its own `read` holds the revisions of all documents that were opened by their uuids, with 0 of whom a
        merged client has become, `gone` the references to resources of entries that are erased.
        """
        self.documents = documents
        self.known: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.read: dict[str, int] = {}
        self.gone: set[str] = set()
        self.shelf: dict[tuple[str, str, str], Document] = {}
        for document in read:
            self.shelf[document.kind, document.source, document.source_id] = document
            self.shelf[document.kind, "", document.uuid] = document
        self.parts: dict[tuple[str, str], dict[str, Any]] = {}

    def roots(self, document: Document) -> dict[str, Any]:
        """Return the roots of a document's mappings: itself, and for a case its client.

        Raises:
            Rejected: with the JSON pointer of each link that leads nowhere.
        """
        if document.kind != "case":
            return {document.kind: self._with_links(document, None)}
        client = self.client(document)
        case = self._with_links(document, client)
        case["client"] = client
        case["status_history"] = statuses_as_json(document.service.status_history)
        histories = {
            stay_id(key): statuses_as_json(history(facts)) for key, facts in document.service.stays.items()
        }
        for stay in case.get("stays", []):
            stay["status_history"] = histories.get(stay["id"], [])
        return {"case": case, "client": client}

    def client(self, document: Document) -> dict[str, Any]:
        """Return the client of a case, opened."""
        name = ("client", "", str(document.client))
        client = self._known_document(*name) or self.documents.find(*name)
        assert client is not None, "a case's client is there as long as the case is"
        return self._with_links(client, None)

    def missing(self, link: LinkFound, issues: list[Issue]) -> Any:
        """Return what stands for a link that leads nowhere; an issue refuses the document."""
        issues.append(nowhere(link))

    def _known_document(self, kind: str, system: str, ref: str) -> Document | None:
        return self.shelf.get((kind, system, ref)) or self.shelf.get((kind, "", ref))

    def _with_links(self, document: Document, client: dict[str, Any] | None) -> dict[str, Any]:
        """Return a copy of a document with uuid and with its links followed, level by level.

        A link is an id of the system whose document it stands in, or our uuid.
        """
        top = self._copy(document)
        self.known[document.kind, document.source, document.source_id] = top
        near = {"client": client, document.kind: top}
        issues: list[Issue] = []
        level = [(document, top)]
        while level:
            pending = [
                (document.source, link) for document, body in level for link in links(document.kind, body)
            ]
            fetched = self._fetch(pending)
            lost = []
            for system, link in pending:
                target = self._target(system, link, near)
                if target is None:
                    lost.append((system, link))
                else:
                    link.part[link.key] = target
            self._lose(lost, issues)
            level = fetched
        if issues:
            raise Rejected(f"The {document.kind} names what is not there.", issues=issues)
        return top

    def _lose(self, lost: Sequence[tuple[str, LinkFound]], issues: list[Issue]) -> None:
        """Let links lead to what is left of entries that are erased; all others lead nowhere."""
        named = [(link.to, system, link.id) for system, link in lost if link.to in ENTRIES]
        erased = self.documents.erased_entries(named) if named else {}
        for system, link in lost:
            uuid = erased.get((link.to, system, link.id))
            if uuid is None:
                link.part[link.key] = self.missing(link, issues)
            else:
                link.part[link.key] = {"uuid": uuid}
                self.gone.add(f"{ENTRIES[link.to]}/{resource_id(uuid, ENTRIES[link.to], '')}")

    def _fetch(self, pending: list[tuple[str, LinkFound]]) -> list[tuple[Document, dict[str, Any]]]:
        """Fetch the documents that are not known yet, in one query at most; return them with their copies."""
        wanted = {
            (link.to, system, link.id)
            for system, link in pending
            if "." not in link.to and link.to != "client"
        }
        missing = sorted(wanted - self.known.keys())
        documents = {key: known for key in missing if (known := self._known_document(*key)) is not None}
        if others := [key for key in missing if key not in documents]:
            documents |= self.documents.find_many(others)
        fetched = []
        for key, document in documents.items():
            self.known[key] = self._copy(document)
            fetched.append((document, self.known[key]))
        return fetched

    def _target(self, system: str, link: LinkFound, near: dict[str, Any]) -> Any:
        root, _, path = link.to.partition(".")
        if not path:
            return near["client"] if root == "client" else self.known.get((root, system, link.id))
        place = (near[root]["uuid"], path)
        if place not in self.parts:
            self.parts[place] = items(near[root], path)
        return self.parts[place].get(link.id)

    def _copy(self, document: Document) -> dict[str, Any]:
        self.read[document.uuid] = document.revision
        body = _copy_of(whole(document.kind, document.own, document.received))
        merged_into = document.service.merged_into
        if merged_into is None:
            return {**body, "uuid": document.uuid}
        self.read.setdefault(merged_into, 0)
        return {**body, "active": False, "merged_into": {"uuid": merged_into}, "uuid": document.uuid}


def _copy_of(node: Any) -> Any:
    """Return a copy of JSON, its objects and lists new; deepcopy looks at each text, too."""
    if isinstance(node, dict):
        return {k: _copy_of(v) if isinstance(v, _NODES) else v for k, v in node.items()}
    return [_copy_of(v) if isinstance(v, _NODES) else v for v in node] if isinstance(node, list) else node


def nowhere(link: LinkFound) -> Issue:
    """Return what to say of a link that leads nowhere."""
    what = link.to.rpartition(".")[2].replace("_", " ").removesuffix("s")
    return Issue(f"No {what} of yours has this id; PUT it first, or name its UUID.", link.where, "not-found")


def members(client: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return a client's memberships: (payer's identifier system, value, first day, last day), active ones."""
    rows = []
    for coverage in client.get("coverages", []):
        if coverage["status"] != "active":
            continue
        period = coverage.get("period", {})
        start, end = first_day(period.get("start", EVER[0])), last_day(period.get("end", EVER[1]))
        rows += [
            (identifier["system"], identifier["value"], start, end)
            for identifier in coverage["payer"].get("identifiers", [])
        ]
    return rows
