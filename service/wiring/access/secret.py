"""The secret that private keys in the database are encrypted with: a file, never an argument."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import make_url

from service.errors import Misconfigured
from service.settings import Settings

SETTING: Final = "CASEBRIDGE_SECRET_FILE"
_HOW: Final = "32 random bytes in base64, as `openssl rand -base64 32` prints them"


def cipher(settings: Settings) -> MultiFernet:
    """Return what encrypts and decrypts with the secret of the settings.

    A line of the file is a secret; the first encrypts, so another can be put before it. Without a setting,
    SQLite has a file beside the database's, which is made; a database in memory has one of its own.

    Raises:
        Misconfigured: there is no file, it holds no secret, or others than its owner and group may read it.
    """
    if settings.secret_file is not None:
        return _read(settings.secret_file)
    if not settings.embedded:
        raise Misconfigured(f"Name a file that holds {_HOW}.", where=SETTING)
    database = make_url(settings.database_url).database
    if not database or database == ":memory:":
        return MultiFernet([Fernet(Fernet.generate_key())])
    path = Path(f"{database}.secret")
    if not path.exists():
        _make(path)
    return _read(path)


def _read(path: Path) -> MultiFernet:
    where = f"{SETTING}: {path}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read(10_000).split()
    except OSError as exc:
        raise Misconfigured("The secret cannot be read.", where=where) from exc
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Misconfigured("Others may read the secret; take that away: chmod o-rwx.", where=where)
    try:
        secrets = [Fernet(line.translate(bytes.maketrans(b"+/", b"-_"))) for line in lines]
    except ValueError:
        # what it says may quote the secret
        raise Misconfigured(f"A line holds {_HOW}.", where=where) from None
    if not secrets:
        raise Misconfigured(f"The file is empty; a line holds {_HOW}.", where=where)
    return MultiFernet(secrets)


def _make(path: Path) -> None:
    """Make a file with a new secret that its owner alone may read, whole at once; who comes second has it."""
    try:
        # the file is made with mode 0600
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
    except OSError as exc:
        raise Misconfigured("The secret cannot be written.", where=f"{SETTING}: {path}") from exc
