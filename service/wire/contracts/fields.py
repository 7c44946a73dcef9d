"""Field types shared by the internal contracts: codes, partial dates, instants, local ids, links.

FHIR R4 primitive formats: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")
INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)\Z"
)
URI = re.compile(r"\S+\Z")


class Contract(Schema):
    """A part of an internal document: unknown members are errors, members keep their order."""

    class Meta:
        """Unknown members are refused, in the schema and in what is generated from it."""

        unknown = RAISE


class Text(fields.String):
    """A string with something in it: not blank, without control characters other than tab and newline."""

    def __init__(self, *, limit: int = 4000, **kwargs: Any) -> None:
        """Take at most `limit` characters."""
        super().__init__(validate=validate.Length(min=1, max=limit), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        if not value.strip():
            raise ValidationError("Blank. Leave the member out when there is nothing to say.")
        if any(ord(c) < 32 and c not in "\t\n\r" for c in value):
            raise ValidationError("Contains a control character.")
        return value


class Id(fields.String):
    """A local key or a source system's id: FHIR's `id` alphabet, 1 to 64 characters."""

    def __init__(self, **kwargs: Any) -> None:
        """Check FHIR's id pattern."""
        message = "Not an id: use 1 to 64 of A-Z a-z 0-9 - and ."
        super().__init__(validate=validate.Regexp(ID, error=message), **kwargs)


class Uri(fields.String):
    """An absolute or relative URI without white space."""

    def __init__(self, **kwargs: Any) -> None:
        """Check that there is no white space."""
        checks = [validate.Length(min=1, max=1000), validate.Regexp(URI, error="White space in a URI.")]
        super().__init__(validate=checks, **kwargs)


class Code(fields.String):
    """One of a closed list of codes."""

    def __init__(self, codes: Sequence[str], **kwargs: Any) -> None:
        """Take the legal codes in the order they are to be listed."""
        message = "Not one of: " + ", ".join(codes) + "."
        super().__init__(validate=validate.OneOf(codes, error=message), **kwargs)


class PartialDate(fields.String):
    """A year, a month or a day of the calendar; what is partial stays partial."""

    def __init__(self, **kwargs: Any) -> None:
        """Publish the pattern; the calendar is checked on reading."""
        message = "Not a date: write YYYY, YYYY-MM or YYYY-MM-DD."
        super().__init__(validate=validate.Regexp(DATE, error=message), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str) or not DATE.match(value):
            raise ValidationError("Not a date: write YYYY, YYYY-MM or YYYY-MM-DD.")
        check_calendar(value)
        return value


class Instant(fields.String):
    """A date and time with seconds and an offset, kept as the sender wrote it."""

    def __init__(self, **kwargs: Any) -> None:
        """Publish the pattern; the calendar is checked on reading."""
        message = "Not an instant: write YYYY-MM-DDThh:mm:ss and Z or an offset."
        super().__init__(validate=validate.Regexp(INSTANT, error=message), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str) or not INSTANT.match(value):
            raise ValidationError("Not an instant: write YYYY-MM-DDThh:mm:ss and Z or an offset.")
        check_calendar(value[:10])
        return value


class When(fields.String):
    """A partial date, or an instant with an offset: FHIR's dateTime."""

    def __init__(self, **kwargs: Any) -> None:
        """Publish both patterns."""
        pattern = re.compile(f"(?:{DATE.pattern})|(?:{INSTANT.pattern})")
        super().__init__(validate=validate.Regexp(pattern, error="Neither a date nor an instant."), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str) or not (DATE.match(value) or INSTANT.match(value)):
            raise ValidationError("Neither a date (YYYY, YYYY-MM, YYYY-MM-DD) nor an instant with an offset.")
        check_calendar(value[:10])
        return value


class Number(fields.Decimal):
    """A decimal that keeps its digits: `1.50` stays `1.50`."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValidationError("Not a number.")
        return value


class WholeNumber(fields.Integer):
    """An integer; text and fractions are refused."""

    def __init__(self, *, low: int = 0, high: int = 1_000_000, **kwargs: Any) -> None:
        """Take the inclusive range."""
        super().__init__(strict=True, validate=validate.Range(min=low, max=high), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Not a whole number.")
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(fields.Boolean):
    """true or false, nothing else."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value


class Link(Id):
    """The id of another document, or of an item of the client's.

    `to` is `practitioner`, `organization`, `location` (directory entries), `client`, or
    `client.related_persons`. The mapping sees the document or item itself in its place.
    """

    def __init__(self, to: str, **kwargs: Any) -> None:
        """Remember where the link points; `x-link` tells readers of the generated schema."""
        self.to = to
        super().__init__(metadata={"x-link": to}, **kwargs)


def many(contract: type[Contract], *, limit: int = 1000, **kwargs: Any) -> "fields.List[Any]":
    """A list of parts; at least one when it is given at all."""
    return fields.List(fields.Nested(contract), validate=validate.Length(max=limit), **kwargs)


def check_calendar(text: str) -> None:
    """Refuse days and months the calendar does not have."""
    try:
        if len(text) == 10:
            date.fromisoformat(text)
        elif len(text) == 7:
            datetime.strptime(text + "-01", "%Y-%m-%d")  # noqa: DTZ007  a month has no zone
        elif text == "0000":
            raise ValueError(text)
    except ValueError as exc:
        raise ValidationError("No such day in the calendar.") from exc
