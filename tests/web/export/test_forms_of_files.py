"""Groups and the files of exports and matches are answered in the form that is asked for, as reads are."""

import gzip
import json

import pytest

from tests.flows import river
from tests.web.export.exporting import Exporter, path_of
from tests.web.members import matching


@pytest.fixture
def northern(house):
    for path, document in (*river.STORY, ("/api/clients/alma", matching.ALMA)):
        assert house.put(path, document).status_code == 201
    return Exporter(house, partner="northern")


@pytest.fixture
def files(northern):
    """The path of a file of an export, and of one of a match of two who are one."""
    exported = northern.manifest("/fhir/$export?_type=ServiceRequest")
    twice = matching.many(matching.bundle(), matching.bundle(MemberPatient=matching.patient(id="2")))
    begun = matching.begin(northern.house, twice)
    matched = northern.wait(path_of(begun.headers["Content-Location"]))
    return [path_of(manifest["output"][0]["url"]) for manifest in (exported, matched)]


def test_files_are_compressed_for_who_takes_that_and_none_else(northern, files):
    for path in files:
        plain = northern.ask("GET", path)
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"
        short = northern.ask("GET", path, headers={"Accept-Encoding": "gzip"})
        assert short.headers["Content-Encoding"] == "gzip"
        assert len(short.data) < len(plain.data)
        assert gzip.decompress(short.data) == plain.data
        head = northern.ask("HEAD", path, headers={"Accept-Encoding": "gzip"})
        assert head.headers["Content-Length"] == short.headers["Content-Length"]


def test_groups_are_compressed_and_told_pretty(northern, files):
    matched = northern.ask("GET", "/fhir/Group").json["entry"][1]["resource"]["id"]
    for path in ("/fhir/Group", f"/fhir/Group/{matched}"):
        plain = northern.ask("GET", path)
        short = northern.ask("GET", path, headers={"Accept-Encoding": "gzip"})
        assert gzip.decompress(short.data) == plain.data
        pretty = northern.ask("GET", f"{path}?_pretty=true")
        assert pretty.json == plain.json
        assert pretty.data.count(b"\n") > plain.data.count(b"\n")


def test_what_is_asked_beyond_the_form_is_refused_and_named(northern, files):
    group = northern.ask("GET", "/fhir/Group").json["entry"][0]["resource"]["id"]
    of_files = [path.rpartition("/")[0] for path in files]
    for path in (*files, *of_files, f"/fhir/Group/{group}"):
        answer = northern.ask("GET", f"{path}?_since=2026-01-01")
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["_since"]), path
        assert northern.ask("GET", f"{path}?_format=json").status_code == 200
    assert json.loads(northern.ask("GET", files[1]).data)["quantity"]
