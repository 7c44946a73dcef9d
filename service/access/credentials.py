"""The part of a partner's registry entry that says how it shows who it is, read strictly."""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from service.access import smart_scopes
from service.access.keys import jwks, public_key
from service.access.policy import RIGHTS
from service.errors import Rejected
from service.values.access.credentials import Credentials, Issuer

LONGEST_URL: Final = 1000


def _is_key_set(document: Any) -> None:
    """Refuse what is no JWK Set of public keys, or names two by one `kid`."""
    try:
        kids = [public_key(jwk).kid for jwk in jwks(document)]
    except Rejected as exc:
        raise ValidationError(str(exc.args[0])) from exc
    if not kids or len(set(kids)) < len(kids):
        raise ValidationError("Name at least one key, each by a `kid` of its own.")


def _are_scopes(scopes: list[str]) -> None:
    """Refuse scopes that are none."""
    try:
        smart_scopes.parse(" ".join(scopes))
    except Rejected as exc:
        raise ValidationError(str(exc.args[0])) from exc


class _Subject(Schema):
    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    issuer = fields.String(required=True)
    value = fields.String(required=True, validate=validate.Length(min=1))


class IssuerContract(Schema):
    """Whose tokens are taken beside ours, for whom, and which claims tell of whom they are, and what for."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    issuer = fields.String(required=True)
    audience = fields.String(required=True, validate=validate.Length(min=1))
    claim = fields.String(load_default="sub", validate=validate.Length(min=1))
    purpose_claim = fields.String(load_default="purpose_of_use", validate=validate.Length(min=1))
    private_hosts = fields.List(fields.String(), load_default=list)

    @validates_schema
    def check_address(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse an address that is not asked, or to which nothing can be added."""
        url = entry["issuer"]
        if mistake := mistake_of(url, entry["private_hosts"]):
            raise ValidationError(mistake, "issuer")
        if "?" in url:
            raise ValidationError("An issuer is an address without a query.", "issuer")

    @post_load
    def issuer_of(self, entry: dict[str, Any], **_: Any) -> Issuer:
        """Return it frozen."""
        hosts, purposes = tuple(entry["private_hosts"]), entry["purpose_claim"]
        return Issuer(entry["issuer"], entry["audience"], entry["claim"], hosts, purposes)


class CredentialsContract(Schema):
    """How a partner authenticates, and what it may ask for at most."""

    keys = fields.Dict(validate=_is_key_set)
    jwks_url = fields.String()
    private_hosts = fields.List(fields.String())
    scopes = fields.List(fields.String(), validate=_are_scopes)
    subjects = fields.List(fields.Nested(_Subject))

    @validates_schema
    def check_rights(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse scopes of rights that its kind never has: they would be granted to nobody."""
        rights = RIGHTS.get(entry.get("kind", ""), frozenset())
        asked = smart_scopes.parse(" ".join(entry["scopes"])) if entry.get("scopes") else smart_scopes.Grant()
        if missing := sorted(asked.all_rights() - rights):
            raise ValidationError(f"A partner of this kind has no right to {', '.join(missing)}.", "scopes")

    @validates_schema
    def check_addresses(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse two sources of keys, and addresses that are not asked."""
        if "keys" in entry and "jwks_url" in entry:
            raise ValidationError("Name `keys` or `jwks_url`; the keys come from one of them.", "jwks_url")
        hosts = entry.get("private_hosts", ())
        if "jwks_url" in entry and (mistake := mistake_of(entry["jwks_url"], hosts)):
            raise ValidationError(mistake, "jwks_url")
        endpoints = entry["intake"].endpoints if "intake" in entry else ()
        if wrong := {
            at: [mistake] for at, url in enumerate(endpoints) if (mistake := mistake_of(url, hosts))
        }:
            raise ValidationError({"intake": {"endpoints": wrong}})


def mistake_of(url: str, private_hosts: Collection[str]) -> str | None:
    """Return why an address is not asked, None when it is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "Not a URL."
    is_plain = parts.scheme == "http" and host in private_hosts
    if not host or port == 0 or "@" in parts.netloc or (parts.scheme != "https" and not is_plain):
        return "Write https://host/path; http only where `private_hosts` names the host."
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or not {" ", "#"}.isdisjoint(url):
        return f"A URL is ASCII, of {LONGEST_URL} characters at most, without a fragment."
    return None


def credentials(entry: dict[str, Any]) -> Credentials:
    """Return the credentials of a loaded entry."""
    scopes = entry.get("scopes")
    return Credentials(
        keys=tuple(public_key(jwk) for jwk in entry.get("keys", {}).get("keys", ())),
        jwks_url=entry.get("jwks_url"),
        private_hosts=tuple(entry.get("private_hosts", ())),
        scopes=" ".join(scopes) if scopes is not None else None,
        subjects=tuple((subject["issuer"], subject["value"]) for subject in entry.get("subjects", ())),
    )
