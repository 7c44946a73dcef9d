"""us_core.json is what the published package distils to, and we read it as its examples do."""

import json

from service.wire.fhir.definitions.profiles import misses, profiles
from tests.distil.us_core import DATA, distil
from tests.real.real_data import folder

PACKAGE = "hl7.fhir.us.core-6.1.0-no-examples.tgz"


def inside(value):
    """Every resource in a file, contained and bundled ones too."""
    if isinstance(value, dict) and "resourceType" in value:
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(below)


def test_distilling_again_gives_the_same_file():
    assert distil(folder("definitions/us-core-definitions") / PACKAGE) == DATA.read_bytes()


def test_the_published_examples_meet_the_profiles_they_claim():
    seen = 0
    for path in sorted(folder("us-core/uscore-pkg-6.1.0").glob("*.json")):
        for resource in inside(json.loads(path.read_bytes())):
            for url in set(resource.get("meta", {}).get("profile", ())) & set(profiles()):
                missed = [text for text in misses(url, resource) if "content is not checked" not in text]
                assert missed == [], path.name
                seen += 1
    assert seen
