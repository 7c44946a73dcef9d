"""What nothing reads of a message: found by the mappings as they are now, and told in few words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.errors import Issue
from service.mapping.author.reading import reading
from service.mapping.catalogue import Catalogue
from service.values.access.scope import Partner
from service.values.inbound.inbox import Unused
from service.wire.fhir.sent.reported import unused as in_fhir
from service.wire.hl7v2 import unused as in_hl7v2
from service.wire.hl7v2.er7.message import Message

NOT_USED: Final = "Not used here; it is kept with the message."
# what an answer in HL7 v2 has room for
_LONGEST: Final = 250
Stack = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the inbound mappings read, by the overlays that partners name; worked out once."""

    catalogues: Mapping[Stack, Catalogue]
    of_messages: dict[tuple[Any, ...], in_hl7v2.ReadFields] = field(default_factory=dict)
    of_resources: dict[Stack, in_fhir.ReadElements] = field(default_factory=dict)

    def hl7v2(self, partner: Partner, message: Message) -> tuple[Unused, ...]:
        """Return the fields of a message that nothing reads."""
        intake = partner.intake
        key = (intake.overlays, intake.admission_time, intake.discharge_time)
        known = self.of_messages.get(key)
        if known is None:
            read = reading(self.catalogues[intake.overlays], "hl7v2")
            known = self.of_messages[key] = in_hl7v2.known(read.paths, read.wholes, intake)
        return in_hl7v2.unused_fields(message, known)

    def fhir(self, partner: Partner, sent: dict[str, Any]) -> tuple[Unused, ...]:
        """Return the elements that nothing reads of a Bundle or an Encounter."""
        stack = partner.intake.overlays
        known = self.of_resources.get(stack)
        if known is None:
            read = reading(self.catalogues[stack], "fhir")
            known = self.of_resources[stack] = in_fhir.known(read.paths, read.wholes)
        return in_fhir.unused_elements(sent, known)


def unused_issues(unused: Sequence[Unused], room: int) -> tuple[Issue, ...]:
    """Return a note for each of the first fields, and one that names the others as far as it can.

    Args:
        unused: the fields.
        room: how many have notes of their own; none where it is below 1. The one for the others is
            always told, beside one that counts notes of another kind.
    """
    room = max(room, 0)
    notes = tuple(Issue(NOT_USED, unread.where, "informational") for unread in unused[:room])
    others = [unread.field for unread in unused[room:]]
    return (*notes, Issue(_others(others), "", "informational")) if others else notes


def _others(fields: Sequence[str]) -> str:
    what = f"{len(fields)} more {'is' if len(fields) == 1 else 'are'} not used here: "
    for number, name in enumerate(fields):
        rest = len(fields) - number
        after = f", and {rest} others." if number else f"{rest} others."
        added = f", {name}" if number else name
        if len(what) + len(added) + len(f", and {rest} others.") > _LONGEST:
            return what + after
        what += added
    return f"{what}."
