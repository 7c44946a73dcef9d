"""What the mappings would make of a document, and of which of its fields; nothing is stored."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from service.errors import Issue, Rejected
from service.flows.ports import Store, Unit
from service.flows.projection.source import Linked, Source, nowhere
from service.flows.projection.unseen import seen
from service.mapping.author.blame import issue_at_origin
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.explain import Origin
from service.mapping.compiler.projector import MappingError
from service.values.access.scope import Scope
from service.values.kept.documents import Document
from service.values.kept.service_part import NOTHING
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.links import LinkFound
from service.wire.contracts.load import load
from service.wire.yaml import Mark

Check = Callable[[dict[str, Any]], Sequence[Issue]]
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource, the mapping that makes it and its place, and where each element comes from."""

    resource: dict[str, Any]
    mapping: str
    place: str
    origins: dict[str, Origin]


@dataclass(frozen=True, slots=True)
class Previewed:
    """What would be made, the given fields that nothing reads, what would be wrong, and what was supposed.

    `client` is the uuid of the stored client that it tells of.
    """

    resources: tuple[Shown, ...]
    unread: tuple[str, ...]
    issues: tuple[Issue, ...]
    supposed: tuple[Issue, ...] = ()
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Previews:
    """The story of previews over a store: links lead to what is there, what is not is supposed."""

    store: Store
    catalogues: Mapping[str, Catalogue]
    check: Check

    def preview(
        self, scope: Scope, partner: str, kind: str, document: Any, *, ref: str | None, view: str
    ) -> Previewed:
        """Preview a document of a partner; one that is stored as `ref` keeps its ids.

        Raises:
            Rejected: the document does not fit its contract, or there is no such kind or view.
        """
        if view not in self.catalogues:
            raise Rejected("There is no such view.", where="/view")
        body = _load_document(kind, document)
        stored = self.store.document(scope, kind, partner, ref) if ref is not None else None
        client = self.store.document(scope, "client", partner, body["client"]) if kind == "case" else None
        document = _document(kind, partner, ref or "", body, stored, client)
        told_of = client or (stored if kind == "client" else None)

        def story(unit: Unit) -> Previewed:
            own = stored.own if stored is not None else None
            linked = seen(unit, scope, kind, body, own)
            source = _Supposing(linked, "" if client is None else client.uuid)
            previewed = of_roots(self.catalogues[view], self.check, kind, source.roots(document))
            known = None if told_of is None else told_of.uuid
            return replace(previewed, supposed=tuple(source.supposed), client=known)

        return self.store.look(story)


def of_document(
    catalogue: Catalogue, check: Check, kind: str, document: Any, client: Any = None
) -> Previewed:
    """Preview a document where there is no store; of a case perhaps with its client. Raises as `preview`."""
    known = (
        _document("client", "", "", _load_document("client", client), None, None)
        if client is not None
        else None
    )
    document = _document(kind, "", "", _load_document(kind, document), None, known)
    source = _Supposing(_Nowhere(known), "" if known is None else known.uuid)
    previewed = of_roots(catalogue, check, kind, source.roots(document))
    return replace(previewed, supposed=tuple(source.supposed))


def of_roots(catalogue: Catalogue, check: Check, kind: str, roots: Mapping[str, Any]) -> Previewed:
    """Preview a source whose links are followed already.

    Raises:
        Misconfigured: there is no such source.
    """
    catalogue.projector(kind)
    unread = tuple(path for path in catalogue.unread_paths(kind) if _has_value(path.split("."), roots))
    try:
        made = catalogue.explain(kind, roots)
    except MappingError as failed:
        return Previewed((), unread, failed.issues)
    shown = tuple(
        Shown(made_resource.resource, info.name, f"{info.file}:{info.line}", origins)
        for info, made_resource, origins in made
    )
    wrong = (
        replace(
            issue_at_origin(issue, shown_resource.origins, Mark(shown_resource.place)),
            where=f"{shown_resource.resource['resourceType']}/{shown_resource.resource['id']}: {issue.where}",
        )
        for shown_resource in shown
        for issue in check(shown_resource.resource)
    )
    return Previewed(shown, unread, (*wrong, *_twice(shown)))


def _twice(shown: Iterable[Shown]) -> Iterator[Issue]:
    """Find resources that are made more than once: saving would refuse them."""
    first: dict[tuple[str, str], str] = {}
    for shown_resource in shown:
        key = (shown_resource.resource.get("resourceType", ""), shown_resource.resource.get("id", ""))
        if key in first and key[1]:
            what = f"{first[key]} makes this resource too, or another item; give it an id of its own"
            yield Issue(what, f"{'/'.join(key)}: {shown_resource.place}", "duplicate")
        first.setdefault(key, shown_resource.place)


class _Supposing(Source):
    """A source in which something stands for every link that leads nowhere."""

    def __init__(self, documents: Linked, client: str) -> None:
        super().__init__(documents)
        self.known_client = client
        self.supposed: list[Issue] = []

    def client(self, document: Document) -> dict[str, Any]:
        if self.known_client:
            return super().client(replace(document, client=self.known_client))
        what = "No client of yours has this id; PUT it first, or name its UUID."
        self.supposed.append(_issue_as_previewed(Issue(what, "/client", "not-found")))
        return {"uuid": _uuid("client", str(document.client))}

    def missing(self, link: LinkFound, issues: list[Issue]) -> Any:
        del issues  # nothing is refused for it
        self.supposed.append(_issue_as_previewed(nowhere(link)))
        return {"id": link.id} if "." in link.to else {"uuid": _uuid(link.to, link.id)}


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """Where nothing is stored; a case's client may be at hand."""

    client: Document | None

    def find(self, kind: str, source: str, ref: str) -> Document | None:  # noqa: ARG002
        """Find the client, whatever it is called."""
        return self.client if kind == "client" else None

    def find_many(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Document]:  # noqa: ARG002
        """Find nothing."""
        return {}

    def erased_entries(self, links: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:  # noqa: ARG002
        """Find nothing."""
        return {}


def _issue_as_previewed(issue: Issue) -> Issue:
    return replace(issue, what=f"{issue.what} Here something stands in for it.")


def _load_document(kind: str, document: Any) -> dict[str, Any]:
    if kind not in KINDS or kind == "discharge":
        known = ", ".join(kind for kind in KINDS if kind != "discharge")
        raise Rejected(f"There is no such kind of document; send one of {known}.", where="/kind")
    return load(kind, document)


def _document(
    kind: str, source: str, ref: str, body: dict[str, Any], stored: Document | None, client: Document | None
) -> Document:
    return Document(
        uuid=stored.uuid if stored is not None else _uuid(kind, ref),
        kind=kind,
        source=source,
        source_id=ref,
        revision=stored.revision + 1 if stored is not None else 1,
        own=body,
        client=client.uuid if client is not None else body.get("client"),
        created=NEVER,
        updated=NEVER,
        service=stored.service if stored is not None else NOTHING,
    )


def _uuid(kind: str, ref: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"urn:casebridge:preview:{kind}:{ref}"))


def _has_value(steps: list[str], value: Any) -> bool:
    """Whether a source says something at a path, in any item of the lists on the way."""
    if isinstance(value, list):
        return any(_has_value(steps, item) for item in value)
    if not steps:
        return value is not None and value not in ("", {})
    return isinstance(value, dict) and steps[0] in value and _has_value(steps[1:], value[steps[0]])


def lineage(shown: Shown) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the origins of a shown resource as JSON has them: by element, its place, rule and sources."""
    for path, origin in shown.origins.items():
        members = {"place": str(origin.mark), "rule": origin.rule, "sources": list(origin.sources)}
        yield path, members | ({"conditions": list(origin.conditions)} if origin.conditions else {})
