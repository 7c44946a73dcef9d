"""The certificate that a client has shown, as a proxy that ends TLS says it.

https://www.rfc-editor.org/rfc/rfc9440 · https://www.rfc-editor.org/rfc/rfc8705#section-3.1
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from flask import Request

from service.authorize.addresses import Proxies, is_of
from service.errors import Malformed

HEADER: Final = "Client-Cert"
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+=*):")


def thumbprint(request: Request, proxies: Proxies) -> str | None:
    """Return the `x5t#S256` of the client's certificate, None where no proxy of ours says one.

    Whoever else sends the header is not heeded.

    Raises:
        Malformed: a proxy says something that is no certificate.
    """
    said = request.headers.get(HEADER) if proxies else None
    if said is None or not is_of(request.remote_addr, proxies):
        return None
    match = _BYTES.fullmatch(said)
    try:
        certificate = b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        certificate = b""
    if not certificate:
        raise Malformed("Not a certificate between colons, as RFC 9440 has it.", where=HEADER)
    return urlsafe_b64encode(sha256(certificate).digest()).decode().rstrip("=")
