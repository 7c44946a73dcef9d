"""r4.json and parameters.json are what HL7's definitions distil to."""

from service.wire.fhir.definitions.r4 import definitions
from tests.distil import search
from tests.distil.r4 import DATA, ROOTS, distil
from tests.real.real_data import folder


def test_distilling_again_gives_the_same_file():
    assert distil(folder("definitions/medplum-r4")) == DATA.read_bytes()


def test_every_type_we_emit_is_defined():
    assert all(root in definitions() for root in ROOTS)


def test_the_data_file_is_small():
    assert DATA.stat().st_size < 400_000


def test_distilling_the_search_parameters_again_gives_the_same_file():
    packages = sorted(folder("definitions/us-core-definitions").glob("*.tgz"))
    assert search.distil(folder("definitions/medplum-r4"), packages) == search.DATA.read_bytes()
