"""The secret is a file that others may not read; with SQLite it is made."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from service.errors import Misconfigured
from service.settings import Settings
from service.wiring.access.secret import cipher


def settings(**values):
    return Settings.from_env({f"CASEBRIDGE_{name}": str(value) for name, value in values.items()})


def file(tmp_path, text, mode=0o600):
    path = tmp_path / "secret"
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def test_beside_a_file_of_sqlite_a_secret_is_made_once_that_its_owner_alone_may_read(tmp_path):
    settings_ = settings(DATABASE_URL=f"sqlite:///{tmp_path}/casebridge.db")
    with ThreadPoolExecutor(8) as pool:
        sealed = [cipher_.encrypt(b"x") for cipher_ in pool.map(cipher, [settings_] * 8)]
    assert [cipher(settings_).decrypt(token) for token in sealed] == [b"x"] * 8
    (made,) = tmp_path.iterdir()
    assert (made.name, stat.S_IMODE(made.stat().st_mode)) == ("casebridge.db.secret", 0o600)


def test_a_database_in_memory_has_a_secret_of_its_own():
    settings_ = settings(DATABASE_URL="sqlite://")
    one = cipher(settings_)
    assert one.decrypt(one.encrypt(b"x")) == b"x"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o606, 0o602])
def test_a_secret_that_others_may_read_or_write_is_refused(tmp_path, mode):
    path = file(tmp_path, Fernet.generate_key().decode(), mode)
    with pytest.raises(Misconfigured, match=r"CASEBRIDGE_SECRET_FILE.*chmod"):
        cipher(settings(SECRET_FILE=path))


def test_a_group_may_read_it_as_pods_do(tmp_path):
    cipher(settings(SECRET_FILE=file(tmp_path, Fernet.generate_key().decode(), 0o440)))


def test_a_new_secret_stands_before_the_one_that_is_still_read(tmp_path):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = cipher(settings(SECRET_FILE=file(tmp_path, old))).encrypt(b"x")
    both = cipher(settings(SECRET_FILE=file(tmp_path, f"{new}\n{old}\n")))
    assert both.decrypt(sealed) == b"x"
    assert Fernet(new).decrypt(both.encrypt(b"y")) == b"y"


def test_base64_of_either_alphabet_is_read(tmp_path):
    cipher(settings(SECRET_FILE=file(tmp_path, "+/" * 21 + "A=\n")))


@pytest.mark.parametrize("text", ["", "\n", "hunter2", "QQ=="])
def test_what_is_no_secret_is_refused_and_not_quoted(tmp_path, text):
    with pytest.raises(Misconfigured, match="openssl rand") as caught:
        cipher(settings(SECRET_FILE=file(tmp_path, text)))
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"


def test_on_postgresql_a_file_is_to_be_named():
    with pytest.raises(Misconfigured, match="CASEBRIDGE_SECRET_FILE"):
        cipher(settings(DATABASE_URL="postgresql://127.0.0.1/casebridge"))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Misconfigured, match="cannot be read"):
        cipher(settings(SECRET_FILE=tmp_path / "none"))
    with pytest.raises(Misconfigured, match="cannot be written"):
        cipher(settings(DATABASE_URL=f"sqlite:///{tmp_path}/none/casebridge.db"))
