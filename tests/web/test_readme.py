"""What README tells to try is answered, with River loaded as `make serve` does."""

import re
import shlex
from pathlib import Path

import pytest

from tests.flows import river

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^curl .*$", README, re.MULTILINE)
ADDRESS = "http://127.0.0.1:8080"


@pytest.fixture
def served(house):
    """River's story as the operator on this machine put it, which is whom `make serve` answers."""
    for path, document in river.STORY:
        assert house.put(path, document, partner=None).status_code == 201
    return house


@pytest.mark.parametrize("command", COMMANDS)
def test_a_curl_line_is_answered(served, command):
    words = shlex.split(command)[1:]
    headers = {}
    while words[0] == "-H":
        name, _, value = words[1].partition(": ")
        headers[name], words = value, words[2:]
    (url,) = words
    assert url.startswith(ADDRESS)
    answer = served.get(url.removeprefix(ADDRESS), partner=None, headers=headers)
    assert answer.status_code == 200
    assert answer.data


def test_there_is_something_to_try():
    assert len(COMMANDS) >= 3
