"""A new partner: its key, and its entry in the registry file."""

import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from service.access import registry
from service.access.keys import new_private_jwk, public_part
from service.access.policy import RIGHTS
from service.errors import Conflict, Misconfigured, Rejected
from service.settings import Settings
from service.values.scope import Partner
from service.wire.json import dump

KINDS: Final = tuple(sorted(RIGHTS))
_NAME: Final = re.compile(r"[a-z0-9-]{1,60}")
# the dash of the first partner of a list in lines
_DASH: Final = re.compile(r"^partners:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( *)- ", re.MULTILINE)


def add_partner(settings: Settings, name: str, kind: str, folder: Path) -> Path:
    """Register a partner with a new key; return the file of its private key, which its owner alone may read.

    The entry is added at the end of the registry file, which is read as strictly as at start before it takes
    the place of the one that is there.

    Raises:
        Misconfigured: no file is named, or the one that is there is wrong.
        Conflict: there is a partner of this name already, or a file of its key.
        Rejected: the name is none, or the list of partners is not at the end of the file; the entry is told,
            to be pasted.
    """
    path = settings.partners
    if path is None:
        what = "Name the registry file; it is made if it is not there."
        raise Misconfigured(what, where="CASEBRIDGE_PARTNERS")
    if not _NAME.fullmatch(name):
        raise Rejected("A name has lower-case letters, digits and hyphens, 60 at most.", where="NAME")
    known = registry.load(path if path.exists() else None)
    if name in known:
        raise Conflict("There is a partner of this name.", where="NAME")
    jwk = new_private_jwk()
    entry = _lines(name, kind, jwk)
    candidate = _with_entry(path, entry)
    try:
        if _names(candidate) != {*known, name}:
            pasted = "\n".join(entry)
            raise Rejected(f"The list of partners is not at the end of the file; paste this there:\n{pasted}")
        key = _write_key(folder, name, jwk)
        candidate.replace(path)
    finally:
        candidate.unlink(missing_ok=True)
    return key


def _lines(name: str, kind: str, jwk: dict[str, Any]) -> list[str]:
    """Return the lines of an entry; JSON is YAML too."""
    keys = dump({"keys": [public_part(jwk)]}).decode()
    return [f"- name: {name}", f"  kind: {kind}", f"  keys: {keys}"]


def _with_entry(path: Path, entry: list[str]) -> Path:
    """Write a file beside a registry's that has one more entry at its end; return it."""
    text, mode = "partners:\n", 0o644
    if path.exists():
        text, mode = path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)
    dash = _DASH.search(text)
    indent = dash[1] if dash else "  "
    more = "".join(f"{indent}{line}\n" for line in entry)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else f"{text}\n")
        file.write(more)
    Path(name).chmod(mode)
    return Path(name)


def _names(candidate: Path) -> set[str]:
    """Return whom a registry file names; nobody where it is wrong."""
    partners: dict[str, Partner] = {}
    with suppress(Misconfigured):
        partners = registry.load(candidate)
    return set(partners)


def _write_key(folder: Path, name: str, jwk: dict[str, Any]) -> Path:
    """Write a private key where its owner alone may read it; return the file."""
    path = folder / f"{name}.jwk.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise Conflict("There is such a file already; nothing was changed.", where=str(path)) from exc
    except OSError as exc:
        raise Misconfigured("The key cannot be written there.", where=str(path)) from exc
    with os.fdopen(handle, "wb") as file:
        file.write(dump(jwk) + b"\n")
    return path
