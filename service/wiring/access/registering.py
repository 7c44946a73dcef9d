"""Partners, as the operator of this machine registers, rotates and revokes them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from service.access import registry
from service.access.keys import jwks, new_private_jwk, public_part
from service.access.policy import RIGHTS
from service.access.registry import Registry
from service.access.smart_scopes import at_most
from service.errors import Conflict, Misconfigured, NotFound
from service.flows.authorization.registered import entries_of
from service.flows.authorization.registering import Registering
from service.settings import Settings
from service.wire.contracts import configured
from service.wire.json import dump, parse
from service.wire.yaml import plain
from service.wiring import compiled
from service.wiring.access.registered import merged, open_partners, stored
from service.wiring.rooms import now

KINDS: Final = tuple(sorted(RIGHTS))
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as it stands, where it does, and what its partner may ask for at most."""

    entry: Json
    source: str
    scopes: str


@dataclass(frozen=True, slots=True)
class Added:
    """The file of a new partner's private key, and whether running processes know it after a restart only."""

    key: Path | None
    waits: bool


def add_partner(settings: Settings, entry: Json, folder: Path | None) -> Added:
    """Register a partner by its entry; with a folder it has a new key, whose file is written there.

    Raises:
        Conflict: there is a partner of this name already, or a file of its key.
        Rejected: the entry is wrong.
        Misconfigured: it names overlays that are not there.
    """
    key = None
    with _registering(settings) as story:
        partner = story.partner_of(entry)
        compiled.check_stacks(settings, [partner])
        before = [other.intake.overlays for other in merged(settings).partners.values()]
        if folder is None:
            story.register(entry)
        else:
            jwk = new_private_jwk()
            keys = {"keys": [public_part(jwk)]}
            key = _with_key(folder, partner.name, jwk, lambda: story.register({**entry, "keys": keys}))
    return Added(key, partner.intake.overlays not in {None, *before})


def rotate_key(settings: Settings, name: str, folder: Path, overlap: timedelta) -> Path:
    """Let a partner sign with a new key, whose file is returned; raises as `Registering.rotate`."""
    jwk = new_private_jwk()
    with _registering(settings) as story:
        key_name = f"{name}.{jwk['kid'][:8]}"
        return _with_key(folder, key_name, jwk, lambda: story.rotate(name, [public_part(jwk)], overlap))


def rotate_to(settings: Settings, name: str, path: Path, overlap: timedelta) -> None:
    """Let a partner sign with the keys of a JWK Set in a file; raises as `Registering.rotate`."""
    with _registering(settings) as story:
        story.rotate(name, jwks(parse(path.read_bytes())), overlap)


def revoke_partner(settings: Settings, name: str) -> None:
    """Let a partner in no more; raises as `Registering.revoke`."""
    with _registering(settings) as story:
        story.revoke(name)


def checked(settings: Settings) -> Registry:
    """Return the registry of file and table, checked; raises Misconfigured with the place of each mistake."""
    return merged(settings)


def shown(settings: Settings, name: str) -> Shown:
    """Return what is registered of a partner; raises NotFound."""
    entries = _entries(settings)
    if name not in entries:
        raise NotFound("There is no such partner; `casebridge partners list` names them.", where="NAME")
    partner = merged(settings).partners.get(name)
    entry, source = entries[name]
    may = str(at_most(partner)) if partner is not None and not partner.revoked else "nothing"
    return Shown(entry, source, may)


def exported(settings: Settings) -> str:
    """Return the merged registry as the YAML of a file; JSON, which the leaves are in, is YAML too."""
    file = registry.read(settings.partners)
    lines = [
        f"{name}: {_json(file.document[name])}\n"
        for name in ("views", "identifying", "issuers")
        if name in file.document
    ]
    partners = [as_yaml(entry, "  ") for entry, _ in _entries(settings).values()]
    return "".join([*lines, "partners:\n" if partners else "partners: []\n", *partners])


def as_yaml(entry: Json, indent: str = "") -> str:
    """Return an entry as an item of a list, each of its members on a line."""
    starts = [f"{indent}- ", *[f"{indent}  "] * (len(entry) - 1)]
    pairs = zip(starts, entry.items(), strict=True)
    return "".join(f"{start}{name}: {_json(value)}\n" for start, (name, value) in pairs)


def entry_of(path: Path) -> Json:
    """Return the members of an entry that a file holds; raises Misconfigured unless they are YAML."""
    entry = plain(configured.read(path, "The entry"))
    if not isinstance(entry, dict):
        raise Misconfigured("Write the members of the partner's entry: `intake: …`.", where=str(path))
    return entry


def _json(value: Any) -> str:
    return dump(value).decode()


def _entries(settings: Settings) -> dict[str, tuple[Json, str]]:
    """Return the entries as they stand, by name, with where they do; the file's come first, and win."""
    file = registry.read(settings.partners)
    entries = {entry["name"]: (entry, file.where) for entry in file.document.get("partners", ())}
    for name, entry in entries_of(stored(settings)).items():
        entries.setdefault(name, (entry, "database"))
    return entries


@contextmanager
def _registering(settings: Settings) -> Iterator[Registering]:
    with open_partners(settings) as partners:
        yield Registering(registry.read(settings.partners), partners, now)


def _with_key(folder: Path, name: str, jwk: Json, register: Callable[[], None]) -> Path:
    """Write a private key before it is registered; take the file away again where that is refused."""
    path = _write_key(folder, name, jwk)
    try:
        register()
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path


def _write_key(folder: Path, name: str, jwk: Json) -> Path:
    """Write a private key where its owner alone may read it; return the file, which was not there before."""
    path = folder / f"{name}.jwk.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # neither a file nor a link that somebody put there is written to
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise Conflict("There is such a file already; nothing was changed.", where=str(path)) from exc
    except OSError as exc:
        raise Misconfigured("The key cannot be written there.", where=str(path)) from exc
    with os.fdopen(handle, "wb") as file:
        file.write(dump(jwk) + b"\n")
    return path
