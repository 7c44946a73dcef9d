"""Secrets come from files or the environment, never from arguments, which every user of a machine reads."""

import re

import click
import pytest

from service.__main__ import cli
from service.errors import Misconfigured
from service.settings import Settings

SECRET = re.compile(r"key|secret|password|passwd|token|credential")
ADDRESSES = ("DATABASE_URL", "AMQP_URL")


def parameters(command=cli, words=()):
    """Every option and argument of every command, with the command's words."""
    if isinstance(command, click.Group):
        for name in command.list_commands(None):
            yield from parameters(command.get_command(None, name), (*words, name))
    else:
        yield from ((" ".join(words), param) for param in command.params)


def test_what_is_said_to_a_command_about_a_secret_is_the_file_that_holds_it():
    about = [
        (words, option)
        for words, option in parameters()
        if SECRET.search(" ".join((option.name, *option.opts)))
    ]
    assert {words for words, _ in about} == {"mllp", "partners add", "partners rotate", "token"}
    assert [(words, option.name) for words, option in about if not isinstance(option.type, click.Path)] == []


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_with_a_password_may_stand_in_a_file(tmp_path, name):
    path = tmp_path / "address"
    path.write_text("kind://user:password@host/name\n", encoding="utf-8")
    settings = Settings.from_env({f"CASEBRIDGE_{name}_FILE": str(path)})
    assert getattr(settings, name.lower()) == "kind://user:password@host/name"


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("more", [{}, {"": "kind://host"}], ids=["no file", "both"])
def test_an_address_is_read_from_one_place_that_is_there(tmp_path, name, more):
    both = {f"CASEBRIDGE_{name}{suffix}": value for suffix, value in more.items()}
    with pytest.raises(Misconfigured, match=f"CASEBRIDGE_{name}_FILE"):
        Settings.from_env({f"CASEBRIDGE_{name}_FILE": str(tmp_path / "none"), **both})
