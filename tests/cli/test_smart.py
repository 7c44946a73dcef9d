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
from service.wiring.access.registered import merged
from tests.cli.test_start import answers
from tests.faults.house import until
from tests.server_process import find, free_port
from tests.test_docs import FENCE, SHIMS
from tests.wire.elsewhere import serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/smart.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block for language, block in FENCE.findall(PAGE) if not language]


def run(folder, *words, **settings):
    """A command of casebridge; its name is not taken from the environment of this process."""
    path = folder / "partners.yaml"
    environment = {
        "CASEBRIDGE_PARTNERS": str(path) if path.exists() else "",
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/c.db",
    }
    return CliRunner().invoke(cli, words, env=environment | settings)


class Reader:
    """Somebody who does what the page says, with a server of their own."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        (folder / "bin").mkdir()
        for name, script in SHIMS.items():
            paths = {"python": sys.executable, "curl": find("curl", ()) / "curl"}
            (folder / "bin" / name).write_text(script.format(**paths), encoding="utf-8")
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
    environment = {"CASEBRIDGE_AUTH": "smart"}
    server = subprocess.Popen(
        ["casebridge", "serve"],
        executable=str(tmp_path / "bin" / "casebridge"),
        cwd=tmp_path,
        env=reader.environment | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(reader.port), "the server does not answer")
        register, *lines = BLOCKS[1].splitlines()
        done = reader.does([register, "sleep 3", *lines])
        assert done.returncode == 0, done.stderr
        assert "granted: system/CarePlan.rs" in done.stderr
        assert done.stderr.count("HTTP 200") == BLOCKS[1].count("curl ")
        assert '"resourceType":"Bundle"' in done.stdout
        refused = requests.get(f"http://127.0.0.1:{reader.port}/fhir/CarePlan", timeout=30)
        assert refused.status_code == 401
        done = reader.does(BLOCKS[3].splitlines())
        assert (done.returncode, "retired" in done.stdout) == (0, True), done.stderr
        done = reader.does(lines)
        assert done.stderr.count("HTTP 200") == BLOCKS[1].count("curl "), done.stderr
        token = re.search(r"ey\S+", reader.does([*lines[:1], "echo $TOKEN"]).stdout)[0]
        done = reader.does(BLOCKS[2].splitlines())
        assert (done.returncode, "is revoked" in done.stdout) == (0, True), done.stderr
        shown = {"Authorization": f"Bearer {token}"}
        plans = f"http://127.0.0.1:{reader.port}/fhir/CarePlan"
        until(lambda: requests.get(plans, headers=shown, timeout=30).status_code == 401, "it is let in still")
    finally:
        server.terminate()
        server.wait(60)


def test_readme_shows_the_lines_of_the_page():
    (block,) = re.findall(r"^```console\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert block.splitlines() == BLOCKS[1].splitlines()[:3]


def test_there_are_four_blocks_of_lines():
    assert [block.count("\n") for block in BLOCKS] == [2, 5, 3, 2]


def test_the_page_tells_of_every_right_and_of_no_other():
    named = set(re.findall(r"^\| `casebridge/(\w+)`", PAGE, re.MULTILINE))
    assert named == set().union(*RIGHTS.values()) - {RESOURCES}


def test_the_registry_of_the_page_is_one(tmp_path):
    keys, issuers = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "partners.yaml"
    path.write_text(keys, encoding="utf-8")
    assert load(path)["northern"].credentials.private_hosts == ("ehr.internal",)
    path.write_text(issuers, encoding="utf-8")
    assert load(path)["northern"].credentials.subjects == (("https://login.example/realm", "northern-app"),)


def registered(folder):
    """The partners of file and database, by name."""
    path = folder / "partners.yaml"
    environment = {"CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/c.db"}
    environment |= {"CASEBRIDGE_PARTNERS": str(path)} if path.exists() else {}
    return merged(Settings.from_env(environment)).partners


def add(folder, name, *more, kind="insurer"):
    return run(folder, "partners", "add", name, "--kind", kind, "--generate-key", str(folder / "keys"), *more)


def test_a_partner_is_added_with_a_key_that_its_owner_alone_may_read(tmp_path):
    done = add(tmp_path, "northern")
    assert done.exit_code == 0, done.output
    key = tmp_path / "keys/northern.jwk.json"
    assert (stat.S_IMODE(key.stat().st_mode), stat.S_IMODE(key.parent.stat().st_mode)) == (0o600, 0o700)
    private = parse(key.read_bytes())
    (public,) = registered(tmp_path)["northern"].credentials.keys
    assert (public.kid, "d" in parse(public.jwk.encode()), "d" in private) == (private["kid"], False, True)
    assert private["d"] not in run(tmp_path, "partners", "export").output + done.output


def test_a_name_is_registered_once_and_a_key_is_never_written_over(tmp_path):
    assert add(tmp_path, "northern").exit_code == 0
    keys = tmp_path / "keys"
    (keys / "southern.jwk.json").write_text("x")
    (tmp_path / "elsewhere").touch()
    (keys / "eastern.jwk.json").symlink_to(tmp_path / "elsewhere")
    before = {path: path.read_bytes() for path in keys.iterdir()}
    for name in ("northern", "North", "local", "southern", "eastern"):
        assert add(tmp_path, name).exit_code != 0, name
    assert add(tmp_path, "western", kind="bogus").exit_code == 2
    assert {path: path.read_bytes() for path in keys.iterdir()} == before
    assert set(registered(tmp_path)) == {"local", "northern"}


def test_what_is_wrong_with_an_entry_is_told_by_its_place_and_nothing_is_written(tmp_path):
    (tmp_path / "entry.yaml").write_text("intake: {days: 0, overlays: [none-such]}", encoding="utf-8")
    done = add(tmp_path, "mercy", "--entry", str(tmp_path / "entry.yaml"), kind="hospital")
    assert "/intake/days" in {issue.where for issue in done.exception.issues}
    (tmp_path / "entry.yaml").write_text("intake: {overlays: [none-such]}", encoding="utf-8")
    done = add(tmp_path, "mercy", "--entry", str(tmp_path / "entry.yaml"), kind="hospital")
    assert "none-such" in str(done.exception.issues)
    assert (set(registered(tmp_path)), (tmp_path / "keys").exists()) == ({"local"}, False)


def test_partners_of_file_and_database_are_one_registry_and_the_file_wins(tmp_path):
    path, entry = tmp_path / "partners.yaml", tmp_path / "entry.yaml"
    entry.write_text("intake: {case_system: cms, days: 30, charset: '8859/1'}", encoding="utf-8")
    path.write_text("views: {lean: [minimum-necessary]}\npartners: [{name: cms, kind: case-system}]")
    payer = ("--identifier", "urn:example:payers", "northern")
    assert "within seconds" in add(tmp_path, "northern", *payer).output
    assert add(tmp_path, "mercy", "--entry", str(entry), kind="hospital").exit_code == 0
    assert add(tmp_path, "cms", kind="case-system").exit_code != 0
    both = registered(tmp_path)
    assert both["cms"].offered == ("mercy",)
    assert (both["mercy"].intake.days, both["northern"].identifiers) == (30, (payer[1:],))
    text = run(tmp_path, "partners", "export").output
    shown = run(tmp_path, "partners", "show", "northern").output
    assert "# from: database" in shown
    assert "# may ask for: system/*.rs" in shown
    path.write_text(text, encoding="utf-8")
    assert load(path) == both
    done = run(tmp_path, "partners", "check")
    assert (done.exit_code, done.output.count("the file names it")) == (0, 2)


def test_an_entry_that_does_not_fit_the_file_any_more_is_found_by_check(tmp_path):
    path, entry = tmp_path / "partners.yaml", tmp_path / "entry.yaml"
    path.write_text("views: {lean: []}\npartners: []")
    entry.write_text("view: lean")
    assert add(tmp_path, "northern", "--entry", str(entry)).exit_code == 0
    path.write_text("partners: []")
    done = run(tmp_path, "partners", "check")
    assert (done.exit_code, "northern: /view" in done.output) == (1, True)
    assert set(registered(tmp_path)) == {"local"}


def test_who_waits_for_a_restart_is_told(tmp_path):
    (tmp_path / "entry.yaml").write_text("intake: {overlays: [minimum-necessary]}", encoding="utf-8")
    for name, waits in (("mercy", True), ("general", False)):
        done = add(tmp_path, name, "--entry", str(tmp_path / "entry.yaml"), kind="hospital")
        assert ("started again" in done.output, "within seconds" in done.output) == (waits, not waits)


def test_two_that_are_registered_at_once_are_both_there(tmp_path):
    run(tmp_path, "db", "upgrade")
    environment = {
        **os.environ,
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/c.db",
        "CASEBRIDGE_PARTNERS": "",
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-m", "service", "partners", "add", "--kind", "insurer", "--generate-key", "k"]
    both = [subprocess.Popen([*words, name], cwd=tmp_path, env=environment) for name in ("a", "b", "c")]
    assert [process.wait(180) for process in both] == [0, 0, 0]
    assert set(registered(tmp_path)) == {"local", "a", "b", "c"}


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
