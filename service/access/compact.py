"""Signed JSON in three parts, read strictly: https://www.rfc-editor.org/rfc/rfc7515#section-3.1."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from service.access.keys import ALGORITHMS, ES384
from service.errors import Malformed, Rejected
from service.values.access.credentials import PublicKey
from service.wire.json import parse

LONGEST: Final = 8_000


class _Registry(JWSRegistry):
    """A header may be as long as all may be, and hold members that nobody knows (RFC 7515 section 4)."""

    max_header_length = LONGEST


_OF: Final = {
    algorithm: _Registry(algorithms=[algorithm], strict_check_header=False) for algorithm in ALGORITHMS
}
"""What takes one algorithm and no other."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A header and claims as they are said; whether they are so, the signature alone tells."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    def is_signed_by(self, key: PublicKey) -> bool:
        """Tell whether a key made the signature, with the key's own algorithm and no other."""
        made = (ECKey if key.algorithm == ES384 else RSAKey).import_key(parse(key.jwk.encode()))
        try:
            jws.deserialize_compact(self.text, made, registry=_OF[key.algorithm])
        except (JoseError, ValueError):
            return False
        return True


def read(text: str) -> Signed:
    """Return what a JWT says.

    Raises:
        Rejected: it is too long, not in three parts, or its JSON is not an object, or says a thing twice.
    """
    parts = text.split(".")
    if len(text) > LONGEST or len(parts) != 3:
        raise Malformed(f"Not a signed JWT: three parts with dots between, of {LONGEST} characters at most.")
    return Signed(text, _object(parts[0], "header"), _object(parts[1], "claims"))


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        raw = b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = parse(raw)
    except (binascii.Error, ValueError) as exc:
        raise Malformed("Not base64url.", where=name) from exc
    except Rejected as exc:
        where = f"{name} {exc.issues[0].where}".rstrip()
        raise Malformed(str(exc.args[0]), where=where) from exc
    if not isinstance(value, dict):
        raise Malformed("Not a JSON object.", where=name)
    return value
