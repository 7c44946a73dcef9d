"""Quick loading takes what marshmallow takes and gives the same; what it refuses is wrong in the same way."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, pre_load

from service.wire.contracts.documents.fields import Contract, Text
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.quick import loading
from service.wire.contracts.wrong import flat_errors, wrong
from service.wire.json import dump
from tests.projection.strategies import documents
from tests.projection.test_bad_input import JUNK, TARGETS, places, put
from tests.projection.worlds import DIRECTORY, QUICK


@given(st.data(), st.sampled_from([*DIRECTORY, "client", "case"]), st.booleans())
@settings(QUICK, max_examples=70)
def test_quick_and_slow_loading_agree(data: Any, kind: str, whole: bool) -> None:
    quickly, slowly = loading(KINDS[kind]), KINDS[kind]().load
    document = data.draw(documents(kind, TARGETS, whole=whole))
    assert dump(quickly(document)) == dump(slowly(document))
    at = data.draw(st.sampled_from(list(places(document))))
    changed = put(document, at, data.draw(JUNK))
    try:
        expected = slowly(changed)
    except ValidationError as exc:
        with pytest.raises(ValidationError):
            quickly(changed)
        said = sorted(flat_errors(exc.messages))
        assert sorted(wrong(KINDS[kind], changed)) == said
    else:
        assert not list(wrong(KINDS[kind], changed))
        assert quickly(changed) == expected
        assert list(quickly(changed)) == list(expected)


def test_a_contract_that_does_more_than_quick_loading_knows_is_no_contract_for_it():
    class Hooked(Contract):
        name = Text()

        @pre_load
        def trim(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
            return data

    class Renamed(Contract):
        name = Text(data_key="called")

    class Filled(Contract):
        name = fields.String(load_default="x")

    for contract in (Hooked, Renamed, Filled):
        with pytest.raises(TypeError):
            loading(contract)
