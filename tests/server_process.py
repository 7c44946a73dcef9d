"""A server process that a test owns: found or installed, started, killed, restarted, never left behind."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WATCHDOG = """
import os, shutil, signal, sys, time
watched = set()
for line in sys.stdin:
    (watched.add if line[0] == "+" else watched.discard)(int(line[1:]))
for number in (signal.SIGQUIT, signal.SIGKILL):
    for pid in watched:
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            pass
    time.sleep(1 if watched else 0)
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""

# Debian starts the servers it installs, unless policy-rc.d says no.
INSTALL = """set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f '$policy EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends postgresql pgbouncer rabbitmq-server curl
"""


def free_port() -> int:
    """A port nobody listens on now, and below those that clients get (Linux 32768 up, others 49152 up).

    A server that is stopped or killed would else come back to find a client's connection on its port.
    """
    for port in random.SystemRandom().sample(range(10240, 32768), 1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("none of 1,000 ports is free")


def _look(name: str, places: tuple[str, ...]) -> Path | None:
    """The folder that holds the program `name`: the newest of the usual places, else the PATH."""
    folders = [
        folder for place in places for folder in Path("/").glob(place[1:]) if (folder / name).is_file()
    ]
    if folders:
        return max(folders, key=lambda folder: [int(n) if n.isdigit() else 0 for n in folder.parts])
    on_path = shutil.which(name)
    return Path(on_path).resolve().parent if on_path else None


def _succeeds(command: list[str]) -> bool:
    """Whether the command exists and exits 0."""
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def find(name: str, places: tuple[str, ...]) -> Path:
    """As _look; what is missing is installed if we may, else the run ends and says what to install."""
    folder = _look(name, places)
    if folder is None and shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not sudo or _succeeds([*sudo, "true"]):
            print(
                f"{name} is missing: installing PostgreSQL, PgBouncer, RabbitMQ and curl with apt-get",
                file=sys.stderr,
            )
            subprocess.run([*sudo, "sh", "-c", INSTALL], stdout=sys.stderr, check=False)
            folder = _look(name, places)
    if folder is None:
        sys.exit(
            f"{name} is missing: install the packages postgresql, pgbouncer, rabbitmq-server and curl; for "
            "the servers CASEBRIDGE_TEST_DATABASE_URL and CASEBRIDGE_TEST_AMQP_URL can name others for tests."
        )
    return folder


class Server:
    """A process in a folder of its own, under a watchdog; root runs it as a user with fewer rights."""

    def __init__(self, kind: str, users: tuple[str, ...]) -> None:
        root = os.geteuid() == 0
        self.folder = Path(tempfile.mkdtemp(prefix=f"casebridge-{kind}-", dir="/tmp" if root else None))
        self._identity = {}
        if root:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = next(known[user] for user in users if user in known)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog = subprocess.Popen(
            [sys.executable, "-c", WATCHDOG, self.folder], stdin=subprocess.PIPE, start_new_session=True
        )

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def close(self) -> None:
        """End the server at once and remove its folder."""
        self._end(signal.SIGQUIT)
        self._watchdog.communicate()

    def stop(self) -> None:
        """End the server in good order; its data and port stay."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End the server as a power cut would; its data and port stay."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start the server with the same data and port, after a stop if it still runs."""
        self.stop()
        self.start()

    def _write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"])
        return path

    def _run(self, command: list[object], env: dict[str, str]) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, **self._identity
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _spawn(self, command: list[object], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity,
            )
        self._tell("+", process)
        return process

    def _tell(self, sign: str, process: subprocess.Popen[bytes]) -> None:
        self._watchdog.stdin.write(f"{sign}{process.pid}\n".encode())
        self._watchdog.stdin.flush()

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if number == signal.SIGKILL else os.kill)(process.pid, number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._tell("-", process)

    def _await(self, seconds: float = 240) -> None:
        """Return when the server answers; raise with the end of its log when it does not."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"{type(self).__name__} did not start:\n{log[-3000:]}")
            time.sleep(0.05)
