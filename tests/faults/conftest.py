"""A house on servers that may be killed."""

import time

import pytest

from tests.faults.house import Clinics, House


@pytest.fixture
def house(tmp_path, killable_postgres, killable_rabbitmq):
    """A house on a database and a broker that may be killed."""
    name = f"casebridge_faults_{time.time_ns()}"
    house = House(tmp_path, killable_postgres.create_database(name), killable_rabbitmq.create_vhost())
    yield house
    house.close()
    killable_postgres.drop_database(name)


@pytest.fixture(params=[{}])
def clinics(tmp_path, killable_postgres, request):
    """What hospitals send to, on a database that may be killed; the parameter is of their environment."""
    name = f"casebridge_faults_{time.time_ns()}"
    clinics = Clinics(tmp_path, killable_postgres.create_database(name), **request.param)
    yield clinics
    clinics.close()
    killable_postgres.drop_database(name)
