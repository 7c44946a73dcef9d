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
