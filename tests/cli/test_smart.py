"""Partners are registered, get tokens and use them by command, as docs/smart.md says."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from service.__main__ import cli
from service.access.keys import new_private_jwk
from service.access.policy import RESOURCES, RIGHTS
from service.access.registry import load
from service.errors import Unavailable
from service.settings import Settings
from service.wire.json import dump, parse
from tests.cli.test_start import answers
from tests.faults.house import until
from tests.server_process import find, free_port
from tests.test_docs import FENCE, SHIMS
from tests.wire.elsewhere import serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/smart.md").read_text(encoding="utf-8")
BLOCKS = [block for language, block in FENCE.findall(PAGE) if not language]


def run(folder, *words, **settings):
    """A command of casebridge; its name is not taken from the environment of this process."""
    given = {
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/c.db",
    }
    return CliRunner().invoke(cli, words, env=given | settings)


class Reader:
    """Somebody who does what the page says, with a server of their own."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        (folder / "bin").mkdir()
        for name, script in SHIMS.items():
            given = {"python": sys.executable, "curl": find("curl", ()) / "curl"}
            (folder / "bin" / name).write_text(script.format(**given), encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CASEBRIDGE_")}
        own = {
            "CASEBRIDGE_PORT": str(self.port),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        self.environment = {**inherited, **own}

    def does(self, lines):
        """Run lines in a shell of their own, whatever is exported in the first block with them."""
        exports = [line for line in BLOCKS[0].splitlines() if line.startswith("export ")]
        script = "\n".join([*exports, "set -e", *lines]).replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


def test_the_lines_of_the_page_work_one_after_the_other(tmp_path):
    reader = Reader(tmp_path)
    register = [line for line in BLOCKS[0].splitlines() if " partners add " in line]
    done = reader.does(register)
    assert done.returncode == 0, done.stderr
    given = {"CASEBRIDGE_AUTH": "smart", "CASEBRIDGE_PARTNERS": "partners.yaml"}
    server = subprocess.Popen(
        ["casebridge", "serve"],
        executable=str(tmp_path / "bin" / "casebridge"),
        cwd=tmp_path,
        env=reader.environment | given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(reader.port), "the server does not answer")
        done = reader.does(BLOCKS[1].splitlines())
        assert done.returncode == 0, done.stderr
        assert "granted: system/CarePlan.rs" in done.stderr
        assert done.stderr.count("HTTP 200") == BLOCKS[1].count("curl ")
        assert '"resourceType":"Bundle"' in done.stdout
        refused = requests.get(f"http://127.0.0.1:{reader.port}/fhir/CarePlan", timeout=30)
        assert refused.status_code == 401
        done = reader.does(BLOCKS[2].splitlines())
        assert (done.returncode, "retired" in done.stdout) == (0, True), done.stderr
        done = reader.does(BLOCKS[1].splitlines())
        assert done.stderr.count("HTTP 200") == BLOCKS[1].count("curl "), done.stderr
    finally:
        server.terminate()
        server.wait(60)


def test_there_are_three_blocks_of_lines():
    assert [block.count("\n") for block in BLOCKS] == [3, 4, 2]


def test_the_page_tells_of_every_right_and_of_no_other():
    named = set(re.findall(r"^\| `casebridge/(\w+)`", PAGE, re.MULTILINE))
    assert named == set().union(*RIGHTS.values()) - {RESOURCES}


def test_the_registry_of_the_page_is_one(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "partners.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "partners.yaml")["northern"].credentials.private_hosts == ("ehr.internal",)


def add(folder, name, *more, kind="insurer"):
    return run(folder, "partners", "add", name, "--kind", kind, "--generate-key", str(folder / "keys"), *more)


def test_a_partner_is_added_with_a_key_that_its_owner_alone_may_read(tmp_path):
    done = add(tmp_path, "northern")
    assert done.exit_code == 0, done.output
    key = tmp_path / "keys/northern.jwk.json"
    assert (stat.S_IMODE(key.stat().st_mode), stat.S_IMODE(key.parent.stat().st_mode)) == (0o600, 0o700)
    private = parse(key.read_bytes())
    (public,) = load(tmp_path / "partners.yaml")["northern"].credentials.keys
    assert (public.kid, "d" in parse(public.jwk.encode()), "d" in private) == (private["kid"], False, True)
    assert private["d"] not in (tmp_path / "partners.yaml").read_text(encoding="utf-8") + done.output


@pytest.mark.parametrize(
    "text",
    [
        "# ours\npartners:\n  # the first\n  - name: cms\n    kind: case-system\n",
        "partners:\n- {name: cms, kind: case-system}  # ours",
        "views: {}\npartners: # ours\n\n    - name: cms\n      kind: case-system\n    # the last\n",
    ],
)
def test_what_stands_in_the_registry_stays_as_it_is(tmp_path, text):
    path = tmp_path / "partners.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)
    assert add(tmp_path, "northern").exit_code == 0
    assert path.read_text(encoding="utf-8").startswith(text)
    assert (list(load(path)), stat.S_IMODE(path.stat().st_mode)) == (["local", "cms", "northern"], 0o640)


@pytest.mark.parametrize(
    "text",
    [
        "partners: [{name: cms, kind: case-system}]\n",
        "partners:\n  - {name: cms, kind: case-system}\nviews: {}\n",
    ],
)
def test_an_entry_that_cannot_be_added_is_told_and_nothing_is_written(tmp_path, text):
    path = tmp_path / "partners.yaml"
    path.write_text(text, encoding="utf-8")
    done = add(tmp_path, "northern")
    assert done.exit_code != 0
    assert "- name: northern" in str(done.exception)
    assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == (text, [path])


def test_a_name_is_registered_once_and_a_key_is_never_written_over(tmp_path):
    assert add(tmp_path, "northern").exit_code == 0
    before = sorted(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    for name, settings in (("northern", ()), ("North", ()), ("local", ())):
        assert add(tmp_path, name, *settings).exit_code != 0
    (tmp_path / "keys/southern.jwk.json").write_text("x")
    assert add(tmp_path, "southern").exit_code != 0
    assert add(tmp_path, "western", kind="bogus").exit_code == 2
    after = sorted(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert after == sorted([*before, b"x"])


def test_a_registry_has_to_be_named(tmp_path):
    done = run(
        tmp_path, "partners", "add", "a", "--kind", "insurer", "--generate-key", "k", CASEBRIDGE_PARTNERS=""
    )
    assert "CASEBRIDGE_PARTNERS" in str(done.exception)


def test_a_key_file_without_a_private_key_is_refused(tmp_path):
    key = tmp_path / "key.json"
    for jwk in ([], {"kty": "EC"}, {name: value for name, value in new_private_jwk().items() if name != "d"}):
        key.write_bytes(dump(jwk))
        done = run(tmp_path, "token", "northern", "--key", str(key))
        assert "private key" in str(done.exception)


def test_where_no_smart_server_is_a_token_is_not_had(tmp_path):
    key = tmp_path / "key.json"
    key.write_bytes(dump(new_private_jwk()))
    url = f"http://127.0.0.1:{free_port()}"
    done = run(tmp_path, "token", "northern", "--key", str(key), "--url", url)
    assert "does not answer" in str(done.exception)


def test_what_stands_before_a_service_and_answers_without_json_is_told(tmp_path):
    """Such as a proxy, with a page of its own."""
    key = tmp_path / "a.jwk.json"
    key.write_bytes(dump(new_private_jwk()))
    with serving() as server:
        base = f"http://127.0.0.1:{server.server_port}"
        server.document = dump({"token_endpoint": f"{base}/most"})
        done = run(tmp_path, "token", "northern", "--key", str(key), "--url", base)
    assert (type(done.exception), base in str(done.exception)) == (Unavailable, True)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")]
)
def test_our_address_by_default_is_one_that_can_be_asked(host, url):
    """The token endpoint is told by it, and it is what an assertion is for."""
    assert Settings.from_env({"CASEBRIDGE_HOST": host}).base_url == url


def test_keys_are_rotated_and_listed_without_what_is_private(tmp_path):
    assert run(tmp_path, "db", "upgrade").exit_code == 0
    made = [run(tmp_path, "keys", "rotate").output.split()[0] for _ in range(2)]
    lines = run(tmp_path, "keys", "list").output.splitlines()
    assert [line.split()[1] for line in lines] == made[::-1]
    assert ("signs" in lines[0], "retired" in lines[1]) == (True, True)


def test_when_the_secret_is_lost_a_new_key_can_be_had(tmp_path):
    run(tmp_path, "db", "upgrade")
    run(tmp_path, "keys", "rotate")
    (tmp_path / "c.db.secret").unlink()
    assert "CASEBRIDGE_SECRET_FILE" in str(run(tmp_path, "keys", "list").exception)
    assert run(tmp_path, "keys", "rotate").exit_code == 0
    assert "signs" in run(tmp_path, "keys", "list").output
