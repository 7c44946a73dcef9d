"""Who sent something over a connection of its own, as far as the connection tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """The peer's address, and the names in the client certificate that was verified.

    Names are `CN=` and the subject's common name, and the alternative names as `DNS:`, `URI:`, `IP Address:`
    or `email:` and the name. Without a certificate there are none.
    """

    address: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderPattern:
    """How a partner's messages are known: by MSH-3.1 and MSH-4.1 (None: any), and by connection.

    `certificates` are names as in `Sender`; `addresses` are networks (`10.1.0.0/16`) or single addresses.
    """

    application: str | None = None
    facility: str | None = None
    certificates: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
