"""What a service's URL may be, before anybody calls it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from app.domains.service_sync.services import ServiceFields
from app.settings import settings


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a production that names one host inside."""
    given = {"REDIS_URL": "redis://x", "SECRET_KEY": "s" * 32, "ENCRYPTION_KEYS": "e" * 44}
    for name, value in {**given, "TORIL_ENV": "production", "OUTBOUND_PRIVATE_HOSTS": "inside.example"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("production")
def test_production_calls_https_only() -> None:
    """S1-12: but for hosts that the settings name."""
    for url in ("https://status.example/", "http://inside.example/"):
        assert ServiceFields(name="one", status_url=url).status_url == url

    with pytest.raises(ValidationError, match="production calls https only"):
        ServiceFields(name="one", status_url="http://status.example/")


@pytest.mark.usefixtures("production")
def test_the_stand_in_is_no_host_of_productions() -> None:
    """Its port is private, and may be called in development alone."""
    here = f"127.0.0.1:{settings().status_server_port}"

    assert here not in settings().private_hosts
    assert here in settings().model_copy(update={"environment": "development"}).private_hosts
