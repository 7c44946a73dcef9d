"""The application with CASEBRIDGE_AUTH=smart, and partners with keys of their own."""

from service.access.keys import new_private_jwk, public_part
from service.cli.access import smart_client
from service.settings import Settings
from service.wire.json import dump
from service.wiring import serving
from tests.contracts.answered import CheckedClient

BASE = "http://127.0.0.1:8080"
TOKEN = f"{BASE}/oauth2/token"
KINDS = {
    "cms": "case-system",
    "northern": "insurer",
    "southern": "insurer",
    "mercy": "hospital",
    "engineer": "engineer",
    "desk": "operator",
}
KEYS = {name: new_private_jwk() for name in KINDS}


def entry(name, /, **more):
    """What the registry says of a partner."""
    payer = [{"system": "urn:example:payers", "value": name}] if KINDS[name] == "insurer" else []
    keys = {"keys": [public_part(KEYS[name])]}
    return {"name": name, "kind": KINDS[name], "identifiers": payer, "keys": keys} | more


def registry(folder, *entries):
    """The file of a registry of these partners, or of one of each kind."""
    path = folder / "partners.yaml"
    path.write_bytes(dump({"partners": list(entries) or [entry(name) for name in KINDS]}))
    return path


def settings(database_url, path):
    environment = {
        "CASEBRIDGE_AUTH": "smart",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(path),
        "CASEBRIDGE_SECRET_FILE": str(secret(path.parent)),
        # test_quotas.py has limits
        "CASEBRIDGE_ADDRESS_RATE": "0",
        "CASEBRIDGE_PARTNER_RATE": "0",
    }
    return Settings.from_env(environment)


def secret(folder):
    """A file with a secret that its owner alone may read."""
    path = folder / "secret"
    if not path.exists():
        path.write_text("+/" * 21 + "A=\n", encoding="ascii")
        path.chmod(0o600)
    return path


class House:
    """The application as partners with tokens see it; one is asked for when a partner has none yet."""

    def __init__(self, settings, engine, mappings, **more):
        self.app = serving.application(settings, engine, mappings, **more)
        self.app.test_client_class = CheckedClient
        self.client = self.app.test_client()
        self.tokens = {}

    def form(self, partner, scope=None, key=None, **changed):
        """The parameters by which a partner asks for a token."""
        said = smart_client.form(partner, key or KEYS[partner], TOKEN, scope) | changed
        return {name: value for name, value in said.items() if value is not None}

    def grant(self, partner, scope=None, **claims):
        """The answer to a partner that asks for a token."""
        return self.client.post("/oauth2/token", data=self.form(partner, scope, **claims))

    def token(self, partner, scope=None):
        answer = self.grant(partner, scope)
        assert answer.status_code == 200, answer.json
        return answer.json["access_token"]

    def ask(self, method, path, *, partner=None, token=None, headers=(), **options):
        """Ask with a token, or as a partner with all it may have."""
        if token is None and partner is not None:
            token = self.tokens[partner] = self.tokens.get(partner) or self.token(partner)
        shown = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self.client.open(path, method=method, headers={**shown, **dict(headers)}, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)
