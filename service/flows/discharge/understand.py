"""What a message comes to: it is read, checked as far as it must be, and run through its form's mapping."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from service.errors import Issue, Malformed, Refused, Unsupported, first_issues
from service.flows.discharge.codes import Codes
from service.flows.discharge.unclear import Places, first_of, source_of, unclear_of_mapping
from service.flows.discharge.unused import Reading
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.explain import Origin
from service.mapping.compiler.projector import MappingError
from service.values.access.scope import Partner
from service.values.inbound.inbox import InboundMessage, UnderstoodMessage
from service.wire.fhir.check.check import check_each
from service.wire.fhir.exchange.bundles import USED, unused_entries
from service.wire.fhir.exchange.conditions import of_entries, of_headers
from service.wire.fhir.exchange.process_message import message_of
from service.wire.fhir.sent.incoming import stays
from service.wire.fhir.sent.instants import plain
from service.wire.fhir.sent.locators import location_of
from service.wire.fhir.sent.reported.dangling import dangling_references
from service.wire.fhir.sent.reported.left_out import set_aside
from service.wire.hl7v2.er7.charsets import of_partner
from service.wire.hl7v2.er7.message import CONTROL_ID_LIMIT, Message
from service.wire.hl7v2.er7.parse import parse as parse_hl7v2
from service.wire.hl7v2.incoming import patients
from service.wire.hl7v2.locators import location_of as location_in_message
from service.wire.json import copy_of, parse

Json = dict[str, Any]
VERSION: Final = re.compile(r"2\.([1-9])(\.[0-9])?")
TRIGGER: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
MOST_ODD: Final = 10_000
# what a stay is made of must be as R4 has it; of what stands beside it, what can be read is taken
UNREADABLE: Final = frozenset({"structure", "value"})
UNKNOWN: Final = "unknown"
OF_POLICY: Final = {"kind": "type", "relationship": "relationship"}
GOING_ON: Final = frozenset({"plan", "register", "admit", "leave", "return", "transfer"})
KNOWN: Final = USED | {"Bundle", "MessageHeader"}


@dataclass(frozen=True, slots=True)
class Understanding:
    """The inbound mappings by the overlays that partners name, and what reads what they are run over."""

    catalogues: Mapping[tuple[str, ...] | None, Catalogue]
    codes: dict[tuple[str, ...] | None, Codes] = field(default_factory=dict, init=False)
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        """Have what the mappings read worked out once."""
        object.__setattr__(self, "reading", Reading(self.catalogues))

    def fhir(self, partner: Partner, inbound: InboundMessage) -> UnderstoodMessage:
        """Understand a Bundle, within Parameters perhaps, or an Encounter.

        Raises:
            Refused: it is not FHIR R4 where it tells of a stay; with the FHIRPath of each mistake.
            Malformed, Stale: as `service.wire.fhir.exchange.conditions.of_headers`.
            Rejected: as `service.wire.fhir.sent.incoming.stays`, or a mapping cannot make what it should.
        """
        sent = _resource_to_read(inbound)
        odd = _odd_issues(sent)
        left = unused_entries(sent) if sent["resourceType"] == "Bundle" else []
        roots = stays(sent, partner.intake.bases)
        notes = [*odd, *dangling_references(sent), *set_aside(sent, roots)]
        notes += (_not_retained(index, type_) for index, type_ in left if type_ != "MessageHeader")
        alone = of_headers(inbound.if_none_exist, inbound.if_match)
        asked = [alone] * len(roots) if alone is not None else of_entries(sent, roots)
        mapped = self._run_mapping(partner, "fhir", roots, lambda root, path: location_of(path, root, sent))
        conditions = tuple(asked[number] for number, _ in mapped.roots)
        made = zip(mapped.understood.discharges, mapped.roots, strict=True)
        unclear = [issue for one, (at, _) in made for issue in _unclear(one, roots[at], sent)]
        notes = [*(issue for root in roots for issue in _nobody(root, sent)), *unclear, *notes]
        unread = self.reading.fhir(partner, sent)
        return replace(mapped.understood, notes=first_of(notes), asked=conditions, unused=unread)

    def hl7v2(self, partner: Partner, inbound: InboundMessage) -> UnderstoodMessage:
        """Understand an ADT message.

        Raises:
            Malformed: its segments run into each other.
            Unsupported: it is of a version, or no ADT message, that is taken here.
            Rejected: as `service.wire.hl7v2.er7.parse.parse`, or a mapping cannot make what it should of it.
        """
        message = _message(partner, inbound)
        _check_kind(message)
        codes = self._codes(partner)
        read, notes = patients(message, partner.name, partner.intake, codes.systems_of(partner.name))
        mapped = self._run_mapping(partner, "hl7v2", read, lambda _, path: location_in_message(path))
        if not mapped.understood.discharges:
            return replace(mapped.understood, notes=(_unused_trigger_issue(message),))
        unnamed = dict.fromkeys(issue for root in read for issue in codes.unmapped_issues(root["message"]))
        unread = self.reading.hl7v2(partner, message)
        return replace(mapped.understood, notes=first_of([*message.notes, *notes, *unnamed]), unused=unread)

    def _codes(self, partner: Partner) -> Codes:
        stack = partner.intake.overlays
        if stack not in self.codes:
            self.codes[stack] = Codes.of(self.catalogues[stack].terminology)
        return self.codes[stack]

    def _run_mapping(
        self, partner: Partner, form: str, roots: Sequence[Json], places: Places
    ) -> "_MappedMessage":
        catalogue = self.catalogues[partner.intake.overlays]
        projector = catalogue.projector(form)
        made: list[Json] = []
        positions: list[tuple[int, int]] = []
        for number, root in enumerate(roots):
            try:
                resources = [plain(made_resource.resource) for made_resource in projector.run(root)]
            except MappingError as wrong:
                raise unclear_of_mapping(wrong, root, places) from wrong
            made += resources
            positions += [(number, nth) for nth in range(len(resources))]

        @cache
        def origins_of(number: int) -> list[Mapping[str, Origin]]:
            return [origins for _, _, origins in catalogue.explain(form, roots[number])]

        def place(number: int, pointer: str) -> str:
            at, nth = positions[number]
            return places(roots[at], source_of(pointer, origins_of(at)[nth]))

        return _MappedMessage(UnderstoodMessage(tuple(made), place=place), positions)


@dataclass(frozen=True, slots=True)
class _MappedMessage:
    """What mappings made, and of which of the roots, and as which of what was made of these."""

    understood: UnderstoodMessage
    roots: list[tuple[int, int]]


def _resource_to_read(inbound: InboundMessage) -> Any:
    """Return the resource that came, to be changed as it is read: a copy where a door has parsed it."""
    if inbound.parsed is not None:
        return copy_of(inbound.parsed)
    return message_of(parse(inbound.raw))


def _message(partner: Partner, inbound: InboundMessage) -> Message:
    if isinstance(inbound.parsed, Message):
        return inbound.parsed
    charset = partner.intake.charset
    return parse_hl7v2(inbound.raw, of_partner(charset) if charset else None)


def _odd_issues(sent: Any) -> list[Issue]:
    """Return what is wrong where it tells of a stay, but does not keep it from being read.

    Raises:
        Refused: something does.
    """
    odd: list[Issue] = []

    def wrong() -> Iterator[Issue]:
        for issue in check_each(sent, KNOWN):
            type_ = _type_at(sent, issue.where)
            if type_ == "Encounter" or (type_ in KNOWN and issue.code in UNREADABLE):
                yield issue
            elif type_ in KNOWN:
                odd.append(issue)
                if len(odd) > MOST_ODD:
                    yield Issue(f"Over {MOST_ODD} things are wrong; correct these first.", issue.where)
                    return

    if issues := first_issues(wrong()):
        raise Refused("It is not valid FHIR R4.", issues=issues)
    return odd


def _type_at(sent: Any, where: str) -> str:
    """Return the type of the resource that a place is in; what is no resource is the Bundle's own."""
    if where == "resourceType":
        return "Bundle"
    match = re.match(r"Bundle\.entry\[(\d+)\]\.resource\b", where)
    if match is None:
        return str(sent["resourceType"])
    resource = sent["entry"][int(match[1])].get("resource")
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    return type_ if isinstance(type_, str) else "Bundle"


def _nobody(root: Json, sent: Json) -> Iterator[Issue]:
    """Give the subject of a stay that is sent and no Patient."""
    subject = root["encounter"].get("subject", {}).get("resource", {})
    if subject and not root["patient"]:
        what = f"This leads to a {subject['resourceType']}; who is in hospital is a Patient."
        yield Issue(what, location_of("encounter.subject.reference", root, sent), "value")


def _unclear(made: Json, root: Json, sent: Json) -> Iterator[Issue]:
    """Give what nothing is made of: an early end, a class, a language, what insurance it is and whose."""
    if root["facts"]["spoken"] and "language" not in made.get("patient", {}):
        what = "This language is not known here: send its tag of BCP 47."
        yield Issue(what, location_of("patient.communication.language", root, sent), "code-invalid")
    for number, policy in enumerate(root["facts"]["policies"]):
        kept = made.get("coverages", ())[number : number + 1]
        for name, element in OF_POLICY.items():
            if kept and element in policy["coverage"] and name not in kept[0]:
                what = "This code is not known here: nothing is kept of it."
                place = location_of(f"facts.policies[{number}].coverage.{element}", root, sent)
                yield Issue(what, place, "code-invalid")
    if made["event"] in GOING_ON and "end" in made.get("stay", {}).get("period", {}):
        what = "A stay that goes on has no end yet: it is kept with the message alone."
        yield Issue(what, location_of("encounter.period.end", root, sent), "informational")
    if made.get("stay", {}).get("kind") == UNKNOWN:
        what = "This class is not known here: of which kind the stay is remains unknown."
        yield Issue(what, location_of("encounter.class.code", root, sent), "code-invalid")


def _not_retained(index: int, type_: str) -> Issue:
    what = f"{type_ or 'An entry without resource'}: not retained; it tells nothing of a stay here."
    return Issue(what, f"Bundle.entry[{index}].resource", "informational")


def _unused_trigger_issue(message: Message) -> Issue:
    """Return that a message is of no use here, by what it tells of."""
    evn = message.first("EVN")
    trigger = message.header.trigger or (evn.value(1) if evn is not None else "")
    named = f"Trigger {trigger}" if TRIGGER.fullmatch(trigger) else "This trigger"
    what = f"{named} is not used here: nothing was changed."
    return Issue(what, "MSH-9.2", "not-supported")


def _check_kind(message: Message) -> None:
    header = message.header
    if header.code != header.code.upper() or header.trigger != header.trigger.upper():
        raise Unsupported("Codes are upper case: send the type and trigger so, e.g. ADT^A03.", where="MSH-9")
    if len(header.segment.raw(10)) > CONTROL_ID_LIMIT:
        what = f"An answer names the message by it: send at most {CONTROL_ID_LIMIT} characters."
        raise Refused(what, issues=[Issue(what, "MSH-10", "too-long")])
    if header.code != "ADT":
        raise Unsupported("Only ADT messages are taken; send others where they are.", where="MSH-9")
    if header.version and not VERSION.fullmatch(header.version):
        if len(message.segments) == 1:
            what = "No segment ends here; were the carriage returns lost? (With curl: --data-binary.)"
            raise Malformed(what, where="MSH-12")
        raise Unsupported("Only HL7 2.1 to 2.9 are read.", where="MSH-12")
    evn = message.first("EVN")
    if not header.trigger and not (evn is not None and evn.value(1)):
        raise Refused(
            "Nothing says what has happened.",
            issues=[Issue("The trigger is missing; send it, e.g. A03.", "MSH-9.2", "required")],
        )
