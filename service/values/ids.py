"""Resource ids, derived from the owner's UUID, a type and a local key (RFC 9562 section 5.5).

https://www.rfc-editor.org/rfc/rfc9562#section-5.5
"""

from functools import lru_cache
from hashlib import sha1

_VERSION_CLEAR = ~(0xF000 << 64)
_VERSION_5 = 5 << 76
_VARIANT_CLEAR = ~(0xC000 << 48)
_VARIANT = 0x8000 << 48


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
    name_space = bytes.fromhex(owner_uuid.replace("-", ""))
    if len(name_space) != 16:
        raise ValueError("an owner is known by a UUID of 32 hexadecimal digits")
    digest = sha1(name_space + f"{resource_type}/{key}".encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16], "big") & _VERSION_CLEAR | _VERSION_5
    text = f"{number & _VARIANT_CLEAR | _VARIANT:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
