"""The partners of the demo, each with a key of its own, and the tokens that they show."""

from dataclasses import dataclass, field
from typing import Any, Final

from service.access.keys import new_private_jwk, public_part
from service.cli.access import smart_client

KINDS: Final = {
    "desk": "operator",
    "northern": "insurer",
    "southern": "insurer",
    "engineer": "engineer",
    "general": "hospital",
}
"""Whoever asks as `local` is `desk` here: nobody is let in without a token."""


def new_keys() -> dict[str, dict[str, Any]]:
    """Return a new private key for each partner, by its name."""
    return {name: new_private_jwk() for name in KINDS}


@dataclass(frozen=True, slots=True)
class Party:
    """Partners with new keys; a token is asked for when a partner has none yet."""

    keys: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {name: new_private_jwk() for name in KINDS}
    )
    tokens: dict[str, str] = field(default_factory=dict)

    def entries(self) -> list[dict[str, Any]]:
        """Return what the registry says of them."""
        return [
            {
                "name": name,
                "kind": kind,
                "keys": {"keys": [public_part(self.keys[name])]},
                "identifiers": [{"system": "urn:example:payers", "value": name}] if kind == "insurer" else [],
            }
            for name, kind in KINDS.items()
        ]

    def headers(self, url: str, partner: str) -> dict[str, str]:
        """Return the headers with which a partner asks the service at an address."""
        name = "desk" if partner == "local" else partner
        if name not in self.tokens:
            self.tokens[name] = smart_client.token(url, name, self.keys[name])["access_token"]
        return {"Authorization": f"Bearer {self.tokens[name]}"}
