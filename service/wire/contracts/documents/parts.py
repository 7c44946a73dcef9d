"""Parts that several internal documents share: identifiers, names, telecom, addresses, periods, codes."""

from marshmallow import ValidationError, fields, validates_schema

from service.values.dates import is_before
from service.wire.contracts.documents.fields import (
    Code,
    Contract,
    OpenCode,
    Text,
    Uri,
    When,
    Words,
    many,
)

GENDERS = ("male", "female", "other", "unknown")
# what somebody does in a stay: HL7 table 0443, FHIR's participant types
CONTACT_ROLES = (
    "admitting",
    "attending",
    "discharging",
    "referring",
    "consulting",
    "primary-care",
    "contact",
)

# who works for a client, by what they are
PROFESSIONALS = (
    "registered-nurse",
    "social-worker",
    "physician",
    "physiotherapist",
    "neuropsychologist",
    "occupational-therapist",
    "psychologist",
    "financial-counsellor",
    "community-worker",
    "hospital-contact",
)
# what a diagnosis is to a stay
CONDITION_KINDS = (
    "admission",
    "working",
    "discharge",
    "chief-complaint",
    "comorbidity",
    "billing",
    "other",
)
STAY_KINDS = ("inpatient", "emergency", "outpatient", "short-stay", "unknown")


class PeriodContract(Contract):
    """From `start` to `end`, both included; either may be open."""

    start = When()
    end = When()

    @validates_schema
    def check_order(self, data: dict[str, str], **_: object) -> None:
        """Refuse an end before its start (R4 per-1)."""
        if "start" in data and "end" in data and is_before(data["end"], data["start"]):
            raise ValidationError("Ends before it starts.", "end")


class IdentifierContract(Contract):
    """A business identifier: `system` says whose number it is, `type` (HL7 table 0203) of what kind."""

    system = Uri(required=True)
    value = Text(limit=200, required=True)
    use = Code(("usual", "official", "temp", "secondary", "old"))
    type = OpenCode(limit=50)
    period = fields.Nested(PeriodContract)


class NameContract(Contract):
    """A person's name, in parts or as text."""

    use = Code(("usual", "official", "temp", "nickname", "anonymous", "old", "maiden"))
    text = Words(limit=400)
    family = Words(limit=200)
    given = fields.List(Words(limit=200))
    prefix = fields.List(Words(limit=100))
    suffix = fields.List(Words(limit=100))
    period = fields.Nested(PeriodContract)

    @validates_schema
    def check_something(self, data: dict[str, object], **_: object) -> None:
        """Refuse a name that names nothing."""
        if not (data.get("text") or data.get("family") or data.get("given")):
            raise ValidationError("Give family, given or text.")


class TelecomContract(Contract):
    """A way to reach somebody."""

    system = Code(("phone", "fax", "email", "pager", "url", "sms", "other"), required=True)
    value = Text(limit=400, required=True)
    use = Code(("home", "work", "temp", "old", "mobile"))
    period = fields.Nested(PeriodContract)


class AddressContract(Contract):
    """A postal address."""

    use = Code(("home", "work", "temp", "old", "billing"))
    text = Text(limit=1000)
    line = fields.List(Text(limit=400))
    city = Text(limit=200)
    district = Text(limit=200)
    state = Text(limit=200)
    postal_code = Text(limit=40)
    country = Text(limit=100)
    period = fields.Nested(PeriodContract)


class CodingContract(Contract):
    """A code of a public or local code system."""

    system = Uri()
    code = OpenCode(required=True)
    display = Words(limit=400)


class CodedContract(Contract):
    """A concept: the code that is used, of a public or local code system, or words, or both.

    `alternates` are the codes that say the same in other systems, as they were sent.
    """

    system = Uri()
    code = OpenCode()
    display = Words(limit=400)
    text = Text(limit=1000)
    alternates = many(CodingContract, limit=20)

    @validates_schema
    def check_something(self, data: dict[str, object], **_: object) -> None:
        """Refuse a concept that says nothing, and a system without its code."""
        if data.get("system") and not data.get("code"):
            raise ValidationError("A system needs a code.", "code")
        if not (data.get("code") or data.get("text")):
            raise ValidationError("Give a code or a text.")


class QualificationContract(Contract):
    """A licence or certificate, e.g. registered nurse, CCM."""

    code = OpenCode(limit=100, required=True)
    name = Words(limit=400)
    issuer = Text(limit=400)
    period = fields.Nested(PeriodContract)
