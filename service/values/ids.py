"""Resource ids, derived from the owner's UUID, a type and a local key (RFC 9562 section 5.5).

https://www.rfc-editor.org/rfc/rfc9562#section-5.5
"""

from functools import lru_cache
from hashlib import sha1
from typing import Any

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


@lru_cache(maxsize=16_384)
def resource_id(owner_uuid: str, resource_type: str, key: str) -> str:
    """Give the id of one resource of an owner: `uuid5(owner, "Type/key")`.

    Args:
        owner_uuid: the UUID of the client, case or directory entry that owns the resource.
        resource_type: the FHIR type, so that a goal and a service with one local id part.
        key: the local id of the item inside its owner, or "" for the owner itself.

    Raises:
        ValueError: the owner has no UUID in its hexadecimal form.
        TypeError: the key is no text.
    """
    if not isinstance(key, str):
        raise TypeError("a key is text")
    named = _name_space(owner_uuid).copy()
    named.update(f"{resource_type}/{key}".encode())
    digits = named.hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


@lru_cache(maxsize=1_024)
def _name_space(owner_uuid: str) -> Any:
    """Return the digest of an owner begun: a copy goes on with each of its ids."""
    octets = bytes.fromhex(owner_uuid.replace("-", ""))
    if len(octets) != 16:
        raise ValueError("an owner is known by a UUID of 32 hexadecimal digits")
    return sha1(octets, usedforsecurity=False)
