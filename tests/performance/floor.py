"""The floor reads are measured against: Flask and pooled psycopg, the same bytes after one indexed SELECT.

Run as `python -m tests.performance.floor PORT`, with CASEBRIDGE_FLOOR naming its database.
"""

import os
import sys

from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from service.cli.processes.workers import server
from service.front.asgi import Front

TABLE = "CREATE TABLE floor (key text PRIMARY KEY, body bytea NOT NULL)"
SELECT = "SELECT body FROM floor WHERE key = %s"


def web() -> Front:
    """Return the application."""
    pool = ConnectionPool(
        os.environ["CASEBRIDGE_FLOOR"], min_size=10, max_size=10, kwargs={"autocommit": True}, open=True
    )
    app = Flask("floor", static_folder=None)

    def answer(key: str) -> Response:
        with pool.connection() as connection:
            row = connection.execute(SELECT, (key,), binary=True).fetchone()
        return Response(row[0], mimetype="application/fhir+json")

    @app.get("/fhir/<type_>/<id_>")
    def read(type_: str, id_: str) -> Response:
        return answer(f"{type_}/{id_}")

    @app.get("/fhir/<type_>")
    def search(type_: str) -> Response:
        return answer(f"{type_}?{request.query_string.decode()}")

    return Front(app)


if __name__ == "__main__":
    server("127.0.0.1", int(sys.argv[1])).serve(target_loader=web, wrap_loader=False)
