"""TLS for a server of our own: its certificate, and the names in those of its clients."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: our certificate chain and its key, and the authorities that sign our clients' certificates.

    Without `authorities` clients are not asked for a certificate. With them each must show one, unless
    `optional` lets those through that are known by their address.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None
    optional: bool = False

    def context(self) -> ssl.SSLContext:
        """Return the server's context, TLS 1.2 or newer.

        Raises:
            Misconfigured: a file is missing, is no PEM, or the key does not belong to the certificate.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.authorities is not None:
                context.load_verify_locations(self.authorities)
                context.verify_mode = ssl.CERT_OPTIONAL if self.optional else ssl.CERT_REQUIRED
        except OSError as exc:
            what = "The certificate, key or authorities cannot be read; give PEM files that belong together."
            raise Misconfigured(what, where=str(self.certificate)) from exc
        return context


def names(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names in a verified certificate, in the form that Python's ssl gives it."""
    return tuple(_names(certificate or {}))


def _names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for parts in certificate.get("subject", ()):
        for key, value in parts:
            if key == "commonName":
                yield f"CN={value}"
    for kind, value in certificate.get("subjectAltName", ()):
        if isinstance(value, str):
            yield f"{kind}:{value}"
