# One image for web, worker, mllp and migrations: the arguments say which.
FROM python:3.11-slim AS build
RUN python -m venv /venv
WORKDIR /app
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY service/ service/
COPY mappings/ mappings/
COPY contracts/ contracts/
# Installed in place: the service finds its mappings and contracts beside its code, as in a clone.
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index --editable .
# pip compiles what it copies, and nothing here is ever written at run time: without this every start would compile.
RUN /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash service

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --no-create-home casebridge
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["casebridge"]
