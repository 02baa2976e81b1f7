"""A seller's line to Amazon: every call has a token, a place in the budget, and an end that is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from redis import Redis

from app.clock import utc_now
from app.domains.amazon import decimal_json, http
from app.domains.amazon.budget import Budget, payer
from app.domains.amazon.endpoints import Application, Endpoints
from app.domains.amazon.errors import AmazonError
from app.domains.amazon.lwa import Cipher, Tokens
from app.domains.amazon.operations import Operation
from app.domains.amazon.seller import Seller
from app.domains.amazon.staging import RedisStaging, Staging
from app.domains.amazon.windows import stamp

_LONGEST_MESSAGE = 300
_TRANSIENT = {408, 425}


class Amazon:
    """One seller account, called on behalf of one ``holder`` (a job's id; the account's id if none is given).

    ``redis`` (replies as str) keeps tokens, budgets and staged pages; ``cipher`` seals the tokens.
    """

    def __init__(
        self,
        seller: Seller,
        *,
        redis: Redis,
        cipher: Cipher,
        endpoints: Endpoints | None = None,
        application: Application | None = None,
        holder: str = "",
        staging: Staging | None = None,
        budget: Budget | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.seller = seller
        self.redis = redis
        self.staging = staging or RedisStaging(redis)
        self.now = now
        self._endpoints = endpoints or Endpoints.from_settings()
        self._application = application or Application.from_settings()
        self._tokens = Tokens(redis, cipher, self._endpoints, self._application)
        self._budget = budget or Budget(redis)
        # Two accounts of one seller, refreshed by one job, each keep a place of their own.
        self._holder = f"{holder}/{seller.account_id}" if holder else seller.account_id

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """The answer's JSON, its numbers Decimal.

        Raises BudgetSpent (come back then), AccountRevoked (never), AmazonError. An expired token is refreshed once.
        """
        token = self._tokens.access(self.seller, operation.api)
        answer = self._send(operation, token, path or {}, query or {}, body)
        if answer.status in (401, 403):
            token = self._tokens.access(self.seller, operation.api, refused=token)
            answer = self._send(operation, token, path or {}, query or {}, body)
        if 200 <= answer.status < 300:
            self._budget.learn(self._payer, operation, answer.headers.get("x-amzn-RateLimit-Limit"))
            return answer.json()
        if answer.status == 429:
            wait_s = _seconds(answer.headers.get("Retry-After"))
            raise self._budget.refused(self._payer, operation, self._holder, wait_s)
        raise self._failure(operation, answer, token)

    @property
    def _payer(self) -> str:
        return payer(self.seller.region, self.seller.seller_id, self.seller.account_id)

    def _send(
        self, operation: Operation, token: str, path: Mapping[str, str], query: Mapping[str, Any], body: Any
    ) -> http.Answer:
        self._budget.ask(self._payer, operation, self._holder)
        place = operation.path.format_map({name: quote(value, safe="") for name, value in path.items()})
        return http.send(
            operation.name,
            operation.method,
            f"{self._bases[operation.api]}{place}",
            headers=self._headers(operation, token),
            params=_parameters(query),
            data=None if body is None else decimal_json.encode(body),
        )

    @cached_property
    def _bases(self) -> Mapping[str, str]:
        region = self.seller.region
        return {"sp-api": self._endpoints.sp_api(region), "ads": self._endpoints.ads(region)}

    def _headers(self, operation: Operation, token: str) -> dict[str, str]:
        if operation.api == "sp-api":
            return {"x-amz-access-token": token, "Content-Type": operation.content_type}
        headers = {
            "Authorization": f"Bearer {token}",
            "Amazon-Advertising-API-ClientId": self._application.id_of("ads"),
            "Content-Type": operation.content_type,
        }
        if self.seller.ads_profile_id:
            headers["Amazon-Advertising-API-Scope"] = self.seller.ads_profile_id
        return headers

    def _failure(self, operation: Operation, answer: http.Answer, token: str) -> AmazonError:
        code, message = _said(answer)
        for secret in (token, *self._tokens.secrets_of(self.seller, operation.api)):
            message = message.replace(secret, "…") if secret else message
        transient = answer.status >= 500 or answer.status in _TRANSIENT
        return AmazonError(operation.name, answer.status, code, message[:_LONGEST_MESSAGE], transient=transient)


def _said(answer: http.Answer) -> tuple[str, str]:
    """Code and message, in the spelling of the SP-API, of the Ads API, or of neither (an HTML page)."""
    try:
        body = answer.json()
    except AmazonError as error:
        return "MalformedBody", error.message
    if isinstance(body, dict) and isinstance(errors := body.get("errors"), list) and errors:
        body = errors[0]
    if not isinstance(body, dict):
        return "Unknown", "no error in the answer"
    details = body.get("details") or body.get("detail") or ""
    return str(body.get("code") or "Unknown"), f"{body.get('message') or ''} {details}".strip() or "no message"


def _parameters(query: Mapping[str, Any]) -> dict[str, str]:
    """Amazon's spelling: lists with commas, true and false in lower case, times in UTC; None is left out."""
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0
