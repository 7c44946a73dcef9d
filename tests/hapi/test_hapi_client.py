"""HAPI's generic client, untouched, runs the insurer's story against a running service with SMART on."""

import os
from pathlib import Path

import pytest

from tests.cli import smart_service
from tests.flows import river
from tests.validator.hl7 import missing, run

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "hapi"
CLASSPATH = BUILT / "classpath"


@pytest.fixture(scope="module")
def classpath():
    """Where Java finds the client that Maven has built."""
    if named := missing():
        pytest.skip(f"HAPI's client needs {' and '.join(named)}, which are not here")
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={CLASSPATH}"]
    run(["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"), *goals])
    return os.pathsep.join([str(BUILT / "classes"), CLASSPATH.read_text(encoding="utf-8").strip()])


@pytest.mark.soak
def test_hapis_client_pulls_reads_pages_and_is_refused(classpath, tmp_path):
    with smart_service.serving(tmp_path) as address:
        tokens = [smart_service.token(address, partner) for partner in ("northern", "southern")]
        said = run(
            ["java", "-cp", classpath, "org.casebridge.client.Pull", f"{address}/fhir", *tokens]
        ).splitlines()
    answers = {}
    for line in said:
        what, _, how = line.partition(" ")
        answers.setdefault(what, []).append(how)
    assert set(answers.pop("along")) == {"CareTeam", "Goal", "Provenance"}
    assert sorted(answers.pop("goal")) == sorted(goal["description"] for goal in river.CASE["plan"]["goals"])
    assert "did you mean status" in answers.pop("unknown")[0]
    assert answers == {
        "plan": [river.CASE["plan"]["title"]],
        "read": ["unchanged"],
        "team": ["same"],
        "versions": ["1"],
        "everything": ["Patient"],
        "other": ["404"],
    }
