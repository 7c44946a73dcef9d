"""The part of a partner's registry entry that says how it shows who it is, read strictly."""

from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validates_schema

from service.access import smart_scopes
from service.access.keys import jwks, public_key
from service.access.policy import RIGHTS
from service.errors import Rejected
from service.values.credentials import Credentials

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


class CredentialsContract(Schema):
    """How a partner authenticates, and what it may ask for at most."""

    keys = fields.Dict(validate=_is_key_set)
    jwks_url = fields.String()
    private_hosts = fields.List(fields.String())
    scopes = fields.List(fields.String(), validate=_are_scopes)

    @validates_schema
    def check_rights(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse scopes of rights that its kind never has: they would be granted to nobody."""
        rights = RIGHTS.get(entry.get("kind", ""), frozenset())
        asked = smart_scopes.parse(" ".join(entry["scopes"])) if entry.get("scopes") else smart_scopes.Grant()
        if missing := sorted(asked.all_rights() - rights):
            raise ValidationError(f"A partner of this kind has no right to {', '.join(missing)}.", "scopes")

    @validates_schema
    def check_address(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse two sources of keys, and an address that is not asked."""
        url = entry.get("jwks_url")
        if url is None:
            return
        if "keys" in entry:
            raise ValidationError("Name `keys` or `jwks_url`; the keys come from one of them.", "jwks_url")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as exc:
            raise ValidationError("Not a URL.", "jwks_url") from exc
        is_plain = parts.scheme == "http" and host in entry.get("private_hosts", ())
        if not host or port == 0 or "@" in parts.netloc or (parts.scheme != "https" and not is_plain):
            raise ValidationError(
                "Write https://host/path; http only where `private_hosts` names the host.", "jwks_url"
            )
        if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
            raise ValidationError(f"A URL is ASCII, of {LONGEST_URL} characters at most.", "jwks_url")


def credentials(entry: dict[str, Any]) -> Credentials:
    """Return the credentials of a loaded entry."""
    scopes = entry.get("scopes")
    return Credentials(
        keys=tuple(public_key(jwk) for jwk in entry.get("keys", {}).get("keys", ())),
        jwks_url=entry.get("jwks_url"),
        private_hosts=tuple(entry.get("private_hosts", ())),
        scopes=" ".join(scopes) if scopes is not None else None,
    )
