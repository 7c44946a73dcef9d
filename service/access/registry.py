"""The partner registry: a YAML file, read strictly at start, and a table that changes while we run.

The same contract holds for both. The file alone names views and who assigns numbers; where both name a
partner, the file is heeded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from service.access.entries import RegistryContract, partner_of
from service.access.intake import amqp_senders, assertions_of, near, offers
from service.access.policy import LOCAL
from service.errors import Misconfigured
from service.values.access.credentials import Issuer
from service.values.access.scope import Partner
from service.wire.contracts import configured
from service.wire.yaml import plain

WHAT: Final = "The partner registry"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """What the file says: as it stands, and loaded; nothing without a file."""

    where: str = "CASEBRIDGE_PARTNERS"
    document: Json = field(default_factory=dict)
    loaded: Json = field(
        default_factory=lambda: {"views": {}, "identifying": [], "issuers": [], "partners": []}
    )

    def issuers(self) -> tuple[Issuer, ...]:
        """Return whose tokens it has taken beside ours."""
        return tuple(self.loaded["issuers"])

    def names(self) -> frozenset[str]:
        """Return whom it names."""
        return frozenset(entry["name"] for entry in self.loaded["partners"])


@dataclass(frozen=True, slots=True)
class Registry:
    """The partners by name, `local`, the operator on this machine, among them.

    `shadowed` are those of the table that the file names too; `unusable` those that are left out, and why.
    """

    partners: dict[str, Partner]
    shadowed: tuple[str, ...] = ()
    unusable: Mapping[str, Misconfigured] = field(default_factory=dict)


def read(path: Path | None) -> RegistryFile:
    """Return what a registry file says.

    Raises:
        Misconfigured: it is missing, not YAML, says a thing twice, or something that is not known.
    """
    if path is None:
        return RegistryFile()
    loaded = configured.load(RegistryContract(), path, WHAT)
    return RegistryFile(str(path), plain(configured.read(path, WHAT)), loaded)


def merge(file: RegistryFile, stored: Mapping[str, Json]) -> Registry:
    """Return the partners of the file and of the entries that are stored, by name.

    Raises:
        Misconfigured: they do not go together: one names another that is not there, or two are known alike.
    """
    named = file.names()
    loaded, unusable = list(file.loaded["partners"]), {}
    for name, entry in stored.items():
        if name not in named:
            try:
                loaded.append(load_entry(file, entry))
            except Misconfigured as exc:
                unusable[name] = exc
    partners = {LOCAL.name: LOCAL} | {entry["name"]: partner_of(entry) for entry in loaded}
    try:
        offered = offers(partners)
        amqp_senders(partners)
        _check_subjects(partners.values(), file.issuers())
        assertions = assertions_of(file.loaded["identifying"], partners)
    except Misconfigured as exc:
        raise Misconfigured(str(exc), where=file.where) from exc
    operators = tuple(sorted(name for name, partner in partners.items() if partner.kind == "operator"))
    related = {
        name: replace(
            partner,
            common=operators,
            offered=offered.get(name, ()),
            near=near(name, offered),
            assertions=assertions,
        )
        for name, partner in partners.items()
    }
    return Registry(related, tuple(sorted(named & stored.keys())), unusable)


def _check_subjects(partners: Iterable[Partner], issuers: Iterable[Issuer]) -> None:
    """Raise Misconfigured where tokens of others name two alike, or one by an issuer that is not named."""
    known = {issuer.url for issuer in issuers}
    subjects: dict[tuple[str, str], Partner] = {}
    for partner in partners:
        for subject in partner.credentials.subjects:
            if subject[0] not in known:
                raise Misconfigured(f"{partner.name} is named in subjects by an issuer that /issuers lacks.")
            if subject in subjects:
                raise Misconfigured(f"{subjects[subject].name} and {partner.name} have the same subjects.")
            subjects[subject] = partner


def load_entry(file: RegistryFile, entry: Any) -> Json:
    """Return an entry that is in no file, loaded beside what the file says.

    Raises:
        Misconfigured: it is wrong; with the JSON pointer of each mistake.
    """
    document = {"views": file.document.get("views", {}), "partners": [entry]}
    try:
        loaded: Json = configured.load_document(RegistryContract(), document, "The entry")["partners"][0]
    except Misconfigured as exc:
        issues = [replace(issue, where=issue.where.removeprefix("/partners/0")) for issue in exc.issues]
        raise Misconfigured(str(exc.args[0]), issues=issues) from exc
    return loaded


def load(path: Path | None) -> dict[str, Partner]:
    """Return the partners of a file by name; raises as `read` and `merge`."""
    return merge(read(path), {}).partners


def views(path: Path | None) -> dict[str, tuple[str, ...]]:
    """Return the overlays of each view that a file names, the lowest first; not of the default one.

    Raises:
        Misconfigured: as `read`.
    """
    return {name: tuple(stack) for name, stack in read(path).loaded["views"].items()}


def intakes(path: Path | None) -> dict[tuple[str, ...], str]:
    """Return each stack of overlays that a partner's messages are read with, and the place that names it.

    Raises:
        Misconfigured: as `read`.
    """
    places: dict[tuple[str, ...], str] = {}
    for index, partner in enumerate(read(path).loaded["partners"]):
        if partner["intake"].overlays is not None:
            places.setdefault(partner["intake"].overlays, f"/partners/{index}/intake/overlays")
    return places
