"""The chart gives each process what it does not start without."""

import re
from pathlib import Path

import pytest

from service.errors import Misconfigured
from service.settings import Settings
from service.wiring.access.secret import SETTING, cipher

HELPERS = (Path(__file__).parents[1] / "helm/templates/_helpers.tpl").read_text(encoding="utf-8")
POSTGRESQL = {"CASEBRIDGE_DATABASE_URL": "postgresql://casebridge@db/casebridge"}


def test_the_secret_that_signing_keys_are_encrypted_with_is_a_file_of_the_pods():
    with pytest.raises(Misconfigured, match=SETTING):
        cipher(Settings.from_env(POSTGRESQL))
    (path,) = re.findall(rf"name: {SETTING}\n  value: (\S+)", HELPERS)
    (volume,) = re.findall(rf"name: (\S+), mountPath: {Path(path).parent},", HELPERS)
    mounted = re.search(rf"- name: {volume}\n    secret: .*existingSecret.*defaultMode: 0440", HELPERS)
    assert mounted is not None
