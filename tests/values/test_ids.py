"""Resource ids against the standard library's UUIDv5."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.values.ids import resource_id


@given(owner=st.uuids(), kind=st.text(), key=st.text())
def test_an_id_is_the_uuid5_of_owner_type_and_key(owner: uuid.UUID, kind: str, key: str):
    assert resource_id(str(owner), kind, key) == str(uuid.uuid5(owner, f"{kind}/{key}"))


@pytest.mark.parametrize("owner", ["", "abc", "not-a-uuid", "00" * 17])
def test_an_owner_without_a_uuid_is_refused(owner: str):
    with pytest.raises(ValueError):
        resource_id(owner, "Goal", "1")


def test_a_key_that_is_no_text_is_refused_instead_of_printed():
    with pytest.raises(TypeError):
        resource_id(str(uuid.uuid4()), "Goal", None)
