"""Field types shared by the internal contracts: codes, partial dates, instants, local ids, links.

FHIR R4 primitive formats: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\Z")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)\Z"
)
# RFC 3986: what a URI is written with
URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")
URL = re.compile(r"(?:https?|s?ftp|urn):" + URI.pattern)
# RFC 6838 section 4.2, and parameters with one blank before them, as a FHIR `code` may have
_WORD = r"[A-Za-z0-9!#$&^_.+\-]+"
MEDIA_TYPE = re.compile(rf"{_WORD}/{_WORD}(?:; ?{_WORD}={_WORD})*\Z")
# FHIR's `code`: no blank at either end, single ones within
CODE = re.compile(r"[^\s\x00-\x20\x7f-\x9f]+(?: [^\s\x00-\x20\x7f-\x9f]+)*\Z")
# BCP 47, well-formed: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")
# what FHIR's strings may not hold, and what XML, its other form, cannot
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def says(text: str) -> dict[str, str]:
    """Return the metadata of a field: what its JSON Schema says it is."""
    return {"description": text}


class Contract(Schema):
    """A part of an internal document: unknown members are errors, members keep their order."""

    class Meta:
        """Unknown members are refused, in the schema and in what is generated from it."""

        unknown = RAISE


class Text(fields.String):
    """A string with something in it: not blank, without characters that FHIR's JSON or XML cannot hold."""

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
        if _NOT_TEXT.search(value):
            raise ValidationError("Contains a control character, a lone surrogate or U+FFFE, U+FFFF.")
        return value


class Words(Text):
    """A name, or what a code is called: no blank at its ends, and one where several stood within."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return " ".join(super()._deserialize(value, attr, data, **kwargs).split())


class OpenCode(Text):
    """A code of a list that is not ours, as FHIR's `code` is written."""

    def __init__(self, *, limit: int = 200, **kwargs: Any) -> None:
        """Take at most `limit` characters."""
        super().__init__(limit=limit, **kwargs)
        message = "Not a code: no blanks at its ends, no two together, no control characters."
        self.validators.append(validate.Regexp(CODE, error=message))


class Id(fields.String):
    """A local key or a source system's id: FHIR's `id` alphabet, 1 to 64 characters."""

    def __init__(self, **kwargs: Any) -> None:
        """Check FHIR's id pattern."""
        message = "Not an id: use 1 to 64 of A-Z a-z 0-9 - and ."
        super().__init__(validate=validate.Regexp(ID, error=message), **kwargs)


class Uri(fields.String):
    """An absolute or relative URI (RFC 3986)."""

    def __init__(self, **kwargs: Any) -> None:
        """Check its characters."""
        message = "Not a URI: it has characters to be percent-encoded, white space perhaps."
        checks = [validate.Length(min=1, max=1000), validate.Regexp(URI, error=message)]
        super().__init__(validate=checks, **kwargs)


class Url(fields.String):
    """Where something can be fetched, or what it is: an absolute URI of a scheme that carries no code."""

    def __init__(self, **kwargs: Any) -> None:
        """Check the scheme and the characters."""
        message = "Not an https:, http:, ftp:, sftp: or urn: URI; percent-encode what a URI may not hold."
        checks = [validate.Length(max=1000), validate.Regexp(URL, error=message)]
        super().__init__(validate=checks, **kwargs)


class MediaType(fields.String):
    """A media type, e.g. `application/pdf` or `text/plain; charset=utf-8`."""

    def __init__(self, **kwargs: Any) -> None:
        """Check type, subtype and parameters."""
        message = "Not a media type; write e.g. application/pdf."
        checks = [validate.Length(max=200), validate.Regexp(MEDIA_TYPE, error=message)]
        super().__init__(validate=checks, **kwargs)


class Language(fields.String):
    """A language tag, e.g. `da` or `sv-FI`."""

    def __init__(self, **kwargs: Any) -> None:
        """Check that it is well-formed."""
        message = "Not a language tag of BCP 47; write e.g. da or sv-FI."
        checks = [validate.Length(max=35), validate.Regexp(LANGUAGE, error=message)]
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
    """A decimal that keeps its digits: `1.50` stays `1.50`; up to 18 before the point and 18 after it."""

    def __init__(self, **kwargs: Any) -> None:
        """Publish the range; with more digits we could not read again what we wrote."""
        message = "Over 18 digits before the point; round it or use another unit."
        most = 10**18 - 1
        super().__init__(validate=validate.Range(min=-most, max=most, error=message), **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValidationError("Not a number.")
        exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
        if not isinstance(exponent, int):
            raise ValidationError("Not a number.")
        if exponent < -18:
            raise ValidationError("Over 18 digits after the point; round it or use another unit.")
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
    """The id of another document, or of a part of this one or of the client's.

    `to` is `practitioner`, `organization`, `location` (directory entries), `client`, or where the parts are:
    `client.coverages`, `case.plan.goals`. The mapping sees the document or part itself in its place.
    """

    def __init__(self, to: str, **kwargs: Any) -> None:
        """Remember where the link points; `x-link` tells readers of the generated schema."""
        self.to = to
        super().__init__(metadata={"x-link": to}, **kwargs)


def many(contract: type[Contract], *, limit: int = 1000, **kwargs: Any) -> "fields.List[Any]":
    """A list of parts; at least one when it is given at all."""
    return fields.List(fields.Nested(contract), validate=validate.Length(max=limit), **kwargs)


def several(to: str, *, limit: int = 200) -> "fields.List[Any]":
    """A list of links to the same kind of thing."""
    return fields.List(Link(to), validate=validate.Length(max=limit))


def check_calendar(text: str) -> None:
    """Refuse days and months the calendar does not have."""
    try:
        date.fromisoformat(text + "0000-01-01"[len(text) :])
    except ValueError as exc:
        raise ValidationError("No such day in the calendar.") from exc
