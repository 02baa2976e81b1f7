# One image for web, worker, producer and clock; compose.yaml says which is which.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r requirements.lock
COPY setup.cfg pyproject.toml gunicorn.conf.py supervisord.conf ./
COPY app app
COPY workers workers
COPY producer producer
RUN /venv/bin/pip install --no-deps --no-build-isolation -e .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/toril --create-home toril
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TORIL_ENV=production \
    TORIL_VAR=/var/lib/toril \
    WEB_HOST=0.0.0.0
WORKDIR /app
USER 10001
VOLUME /var/lib/toril
EXPOSE 8080
# All four programs in one container, where there is only one; SIGTERM ends them in order.
CMD ["python", "-m", "app.run.supervisor"]
