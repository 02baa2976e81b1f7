"""A user of the real API, who writes down what it answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from app import db
from app.auth.tokens import issue
from app.domains.accounts.sellers import Seller, put_account
from app.domains.accounts.users import register, verify
from tests.api.conftest import HASH

#: While the API's processes are replaced, a call waits until others have booted: many seconds on a busy machine.
PATIENCE_S = 60
#: Between two calls of one who does not stop.
EVERY_S = 0.05


class Caller:
    """One, with one account."""

    def __init__(self, url: str) -> None:
        with db.session() as session:
            user = register(session, "caller@example.com", HASH)
            put_account(session, user.id, Seller("US", "NA", "CALLERUS", "1", "demo-CALLERUS-US"))
            verify(session, user.id)
        self._url = url
        self._headers = {"Authorization": f"Bearer {issue(user)}"}
        self._user = user.id
        self.answers: list[requests.Response] = []

    def look(self) -> requests.Response:
        """Ask for the own jobs, which stand in the database."""
        return self._ask("GET", f"/app/job-status/status/user/{self._user}")

    def enqueue(self) -> requests.Response:
        """Ask for an update now, which needs both."""
        body = {"country": "US", "region": "NA", "updateType": "daily"}
        return self._ask("POST", "/app/jobs/user/manual-update", body)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """All the time, for the length of the block. Raises what kept a call from its answer."""
        is_over = threading.Event()
        troubles: list[Exception] = []

        def call() -> None:
            try:
                while not is_over.wait(EVERY_S):
                    self.look()
                    self.enqueue()
            except requests.RequestException as trouble:
                troubles.append(trouble)

        thread = threading.Thread(target=call)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        for trouble in troubles:
            raise trouble

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> requests.Response:
        answer = requests.request(method, self._url + path, headers=self._headers, json=body, timeout=PATIENCE_S)
        self.answers.append(answer)
        return answer
