"""Amazon's static sandbox, replayed from its models: the case with the most matching parameters wins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.domains.amazon.served import Asked, Reply, Served, refusal, said


class Sandbox(Served):
    """Every static case of every model in a folder, under ``/sp``."""

    def __init__(self, models: Path) -> None:
        super().__init__()
        self._cases = [
            case for file in sorted(models.glob("*/*.json")) for case in _cases(json.loads(file.read_text()))
        ]

    def answer(self, asked: Asked) -> Reply:
        """The best case's response; otherwise what it was taught."""
        if not asked.path.startswith("/sp/"):
            return super().answer(asked)
        self.asked.append(asked)
        scored = [(_score(case, asked), case) for case in self._cases if _is_about(case, asked)]
        if not scored:
            return refusal("NotFound", 404)
        best, case = max(scored, key=lambda pair: pair[0])
        if best == 0 and case["parameters"]:
            return refusal("InvalidInput", 400, "no case of the sandbox matches")
        return said(case["response"], case["status"])


def _cases(model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, verbs in model["paths"].items():
        for verb, operation in verbs.items():
            responses = operation.get("responses", {}) if verb in ("get", "post") else {}
            for status, response in responses.items():
                for case in response.get("x-amzn-api-sandbox", {}).get("static", []):
                    yield {
                        "path": re.compile("/sp" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)),
                        "method": verb.upper(),
                        "status": int(status),
                        "parameters": {name: told["value"] for name, told in case["request"]["parameters"].items()},
                        "response": case.get("response"),
                    }


def _is_about(case: Mapping[str, Any], asked: Asked) -> bool:
    return case["method"] == asked.method and case["path"].fullmatch(asked.path) is not None


def _score(case: Mapping[str, Any], asked: Asked) -> int:
    given: dict[str, Any] = {**asked.query, **case["path"].fullmatch(asked.path).groupdict()}
    wanted = dict(case["parameters"])
    score = 0
    if isinstance(body := wanted.pop("body", None), dict) and asked.body:
        sent = asked.json()
        score = sum(sent.get(name) == value for name, value in body.items())
    matching: int = score + sum(given.get(name) == _spelled(value) for name, value in wanted.items())
    return matching


def _spelled(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
