"""Settings, read once from the environment (and ``.env``), typed, with the unit in the name."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of every process. The names in the environment are the documents' (docs/settings.md)."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    environment: Literal["development", "test", "staging", "production"] = Field("development", alias="TORIL_ENV")
    var_dir: Path = Field(Path("var"), alias="TORIL_VAR")
    timezone: str = Field("UTC", alias="TIMEZONE")
    crontab_dir: str = Field("", alias="CRONTAB_DIR")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", alias="LOG_LEVEL")

    database_url: str = Field("", alias="DATABASE_URL", repr=False)

    redis_url: str = Field("", alias="REDIS_URL", repr=False)
    redis_host: str = Field("", alias="REDIS_HOST")
    redis_port: int = Field(6379, alias="REDIS_PORT", ge=1, le=65535)
    redis_password: str = Field("", alias="REDIS_PASSWORD", repr=False)
    queue_redis_url: str = Field("", alias="QUEUE_REDIS_URL", repr=False)
    cache_redis_url: str = Field("", alias="CACHE_REDIS_URL", repr=False)
    embedded_redis_port: int = Field(6390, alias="EMBEDDED_REDIS_PORT", ge=1, le=65535)
    queue_prefix: str = Field("bullmq", alias="QUEUE_PREFIX", min_length=1)

    queue_max_attempts: int = Field(3, alias="QUEUE_MAX_ATTEMPTS", ge=1)
    backoff_ms: int = Field(2_000, alias="QUEUE_BACKOFF_DELAY", ge=0)
    worker_concurrency: int = Field(3, alias="WORKER_CONCURRENCY", ge=1)
    worker_instances: int = Field(2, alias="WORKER_INSTANCES", ge=1)
    shutdown_grace_s: int = Field(30, alias="SHUTDOWN_GRACE_S", ge=1)

    #: Well below the reconciler's grace: it adds again what is unconfirmed for longer.
    confirm_within_ms: int = Field(1_000, alias="LEDGER_CONFIRM_WITHIN", ge=0, le=5_000)
    #: Not shorter than any job is kept in Redis (R15).
    ledger_retention_days: int = Field(30, alias="LEDGER_RETENTION_DAYS", ge=7)

    daily_batch_size: int = Field(5, alias="DAILY_BATCH_SIZE", ge=1)
    weekly_batch_size: int = Field(3, alias="WEEKLY_BATCH_SIZE", ge=1)
    #: 0: no batches; each user has a minute of their own.
    batch_delay_ms: int = Field(0, alias="BATCH_DELAY_MS", ge=0)

    cache_ttl_s: int = Field(3_600, alias="CACHE_TTL_SECONDS", ge=1)

    secret_key: str = Field("", alias="SECRET_KEY", repr=False)
    token_ttl_s: int = Field(3_600, alias="TOKEN_TTL_SECONDS", ge=1)
    dashboard_session_s: int = Field(8 * 3_600, alias="DASHBOARD_SESSION_SECONDS", ge=60)
    encryption_keys: str = Field("", alias="ENCRYPTION_KEYS", repr=False)

    web_host: str = Field("127.0.0.1", alias="WEB_HOST")
    web_port: int = Field(8080, alias="WEB_PORT", ge=1, le=65535)

    #: Comma separated ``host`` or ``host:port``: the only private hosts that outbound requests may reach.
    outbound_private_hosts: str = Field("", alias="OUTBOUND_PRIVATE_HOSTS")

    web_urls_url: str = Field("", alias="WEB_URLS_URL")
    leadsquared_url: str = Field("", alias="LEADSQUARED_URL")
    leadsquared_token: str = Field("", alias="LEADSQUARED_TOKEN", repr=False)
    #: Where the local stand-in of both listens.
    leads_server_port: int = Field(8082, alias="LEADS_SERVER_PORT", ge=1, le=65535)

    #: Where the local stand-in of hosting services' status APIs listens.
    status_server_port: int = Field(8083, alias="STATUS_SERVER_PORT", ge=1, le=65535)

    smtp_host: str = Field("", alias="SMTP_HOST")
    smtp_port: int = Field(587, alias="SMTP_PORT", ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", alias="SMTP_SECURITY")
    smtp_user: str = Field("", alias="SMTP_USER")
    smtp_password: str = Field("", alias="SMTP_PASSWORD", repr=False)
    mail_from: str = Field("toril@localhost", alias="MAIL_FROM")
    #: Comma separated; whoever is to have the sales figures. Without any it is the admins.
    report_recipients: str = Field("", alias="REPORT_RECIPIENTS")

    metrics_token: str = Field("", alias="METRICS_TOKEN", repr=False)
    #: Blank-separated URLs of channels, beside those in SQL.
    notify_urls: str = Field("", alias="NOTIFY_URLS", repr=False)
    #: Failures within so many seconds of the first are one message.
    notify_group_s: int = Field(60, alias="NOTIFY_GROUP", ge=0, le=3_600)

    #: Percent of a cadence's users whose data is late, for how long.
    alert_late_percent: float = Field(5, alias="ALERT_LATE_PERCENT", gt=0, le=100)
    alert_late_window_s: int = Field(900, alias="ALERT_LATE_WINDOW", ge=0)
    #: Seconds that a slot of an entry is late, for how long.
    alert_overdue_s: int = Field(300, alias="ALERT_OVERDUE", ge=300)
    alert_overdue_window_s: int = Field(60, alias="ALERT_OVERDUE_WINDOW", ge=0)
    #: Seconds that the oldest job of a queue waits, for how long.
    alert_latency_s: int = Field(300, alias="ALERT_LATENCY", gt=0)
    alert_latency_window_s: int = Field(120, alias="ALERT_LATENCY_WINDOW", ge=0)
    #: Times the failure rate of the last seven days, over how long, of how many jobs at least.
    alert_failure_factor: float = Field(3, alias="ALERT_FAILURE_FACTOR", gt=1)
    alert_failure_window_s: int = Field(900, alias="ALERT_FAILURE_WINDOW", ge=60, le=86_400)
    alert_failure_jobs: int = Field(20, alias="ALERT_FAILURE_JOBS", ge=1)
    #: Jobs that failed because they killed their workers, over how long.
    alert_poison_jobs: int = Field(1, alias="ALERT_POISON_JOBS", ge=1)
    alert_poison_window_s: int = Field(3_600, alias="ALERT_POISON_WINDOW", ge=60)
    #: Jobs that the reconciler had to mend at once, over how long.
    alert_repairs: int = Field(1, alias="ALERT_REPAIRS", ge=1)
    alert_repairs_window_s: int = Field(900, alias="ALERT_REPAIRS_WINDOW", ge=60)
    #: An alert ends once its reason has been gone for so long.
    alert_clear_s: int = Field(300, alias="ALERT_CLEAR", ge=0)

    session_retention_days: int = Field(30, alias="SESSION_RETENTION_DAYS", ge=1)
    audit_retention_days: int = Field(365, alias="AUDIT_RETENTION_DAYS", ge=1)
    snapshot_retention_days: int = Field(30, alias="SNAPSHOT_RETENTION_DAYS", ge=1)
    log_retention_days: int = Field(30, alias="LOG_RETENTION_DAYS", ge=1)
    #: Finished exports and reports; without one ``exports`` under TORIL_VAR.
    export_dir: str = Field("", alias="EXPORT_DIR")
    export_keep_days: int = Field(7, alias="EXPORT_KEEP_DAYS", ge=1)
    backup_dir: str = Field("", alias="BACKUP_DIR")
    backup_keep: int = Field(14, alias="BACKUP_KEEP", ge=1)

    amazon_simulator_port: int = Field(8081, alias="AMAZON_SIMULATOR_PORT", ge=1, le=65535)
    simulator_budget_scale: float = Field(1.0, alias="SIMULATOR_BUDGET_SCALE", gt=0)
    simulator_report_s: float = Field(1.0, alias="SIMULATOR_REPORT_SECONDS", ge=0)
    amazon_client_id: str = Field("", alias="AMAZON_CLIENT_ID")
    amazon_client_secret: str = Field("", alias="AMAZON_CLIENT_SECRET", repr=False)
    amazon_ads_client_id: str = Field("", alias="AMAZON_ADS_CLIENT_ID")
    amazon_ads_client_secret: str = Field("", alias="AMAZON_ADS_CLIENT_SECRET", repr=False)
    amazon_lwa_url: str = Field("", alias="AMAZON_LWA_URL")
    amazon_sp_api_url: str = Field("", alias="AMAZON_SP_API_URL")
    amazon_ads_url: str = Field("", alias="AMAZON_ADS_URL")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone named {name!r}; use a name such as 'Europe/Madrid'") from error
        return name

    @model_validator(mode="after")
    def _derive(self) -> Self:
        fallback = self.redis_url or self._redis_from_host()
        if not fallback and not (self.queue_redis_url and self.cache_redis_url):
            if self.environment == "production":
                raise ValueError("production needs a Redis: set QUEUE_REDIS_URL and CACHE_REDIS_URL, or REDIS_URL")
            fallback = f"redis://127.0.0.1:{self.embedded_redis_port}"
        self.queue_redis_url = self.queue_redis_url or _with_database(fallback, 0)
        self.cache_redis_url = self.cache_redis_url or _with_database(fallback, 1)
        self.database_url = self.database_url or f"sqlite:///{self.var_dir.resolve()}/toril.db"
        if self.environment in ("development", "test"):
            self.web_urls_url = self.web_urls_url or f"{self._leads_server}/web-urls"
            self.leadsquared_url = self.leadsquared_url or f"{self._leads_server}/leadsquared"
        self._require_secrets()
        return self

    def _redis_from_host(self) -> str:
        if not (self.redis_host or self.redis_password or "REDIS_PORT" in os.environ):
            return ""
        credentials = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
        return f"redis://{credentials}{self.redis_host or 'localhost'}:{self.redis_port}"

    def _require_secrets(self) -> None:
        """Development gets secrets of its own under ``var/``; production must be given them."""
        if self.environment == "production":
            for name, value in (("SECRET_KEY", self.secret_key), ("ENCRYPTION_KEYS", self.encryption_keys)):
                if len(value) < 32:
                    raise ValueError(f"production needs {name} of at least 32 characters (it has {len(value)})")

    @property
    def uses_embedded_redis(self) -> bool:
        """Whether no Redis was configured, so that the one on ``EMBEDDED_REDIS_PORT`` is ours to start."""
        return self.queue_redis_url == f"redis://127.0.0.1:{self.embedded_redis_port}/0"

    @property
    def uses_simulator(self) -> bool:
        """Whether Amazon is the local simulator: outside production, as long as no address was given."""
        return self.environment != "production" and not self.amazon_sp_api_url

    @property
    def uses_leads_server(self) -> bool:
        """Whether web URLs or leads come from the local server: in development, as long as no URL was given."""
        return any(url.startswith(f"{self._leads_server}/") for url in (self.web_urls_url, self.leadsquared_url))

    @property
    def uses_status_server(self) -> bool:
        """Whether the local stand-in of status APIs runs and may be called: in development and tests."""
        return self.environment in ("development", "test")

    @property
    def export_folder(self) -> Path:
        """Where exports and reports are."""
        return Path(self.export_dir) if self.export_dir else self.var_dir / "exports"

    @property
    def private_hosts(self) -> set[str]:
        """``host`` or ``host:port``: private ones that outbound requests may reach, our local servers included."""
        listed = {name.strip().lower() for name in self.outbound_private_hosts.split(",") if name.strip()}
        leads = {self._leads_server.partition("//")[2]} if self.uses_leads_server else set()
        return listed | leads | ({f"127.0.0.1:{self.status_server_port}"} if self.uses_status_server else set())

    @property
    def _leads_server(self) -> str:
        return f"http://127.0.0.1:{self.leads_server_port}"


def _with_database(url: str, number: int) -> str:
    """The URL with a database number, unless it names one already."""
    scheme, _, rest = url.partition("://")
    host, slash, database = rest.partition("/")
    return url if slash and database else f"{scheme}://{host}/{number}"


@lru_cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
