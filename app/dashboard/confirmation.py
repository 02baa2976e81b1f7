"""Before something is destroyed or stopped: its name, typed, and a reason, which goes on the audit trail."""

from __future__ import annotations

from flask import make_response, render_template, request
from werkzeug.wrappers import Response as Answer

from app.dashboard.forms import Form, read_form

LONGEST_REASON = 500


class Typed(Form):
    """What came back."""

    name: str = ""
    reason: str = ""


class Confirmation:
    """One question, asked at the URL of the act: GET asks, POST brings the answer.

    ``means`` says what will happen, ``back`` is where Cancel goes. ``reason`` is None until the answer is complete::

        asked = Confirmation("Remove entry", entry.id, "It will not run again.", back=url_for("dashboard.schedule"))
        if asked.reason is None:
            return asked.page()
    """

    def __init__(self, act: str, name: str, means: str, *, back: str, details: str | None = None) -> None:
        self.act, self.name, self.means, self.back, self.details = act, name, means, back, details
        self.typed = read_form(Typed) if request.method == "POST" else Typed()
        self.reason = self.typed.reason if request.method == "POST" and not self.faults else None

    @property
    def faults(self) -> dict[str, str]:
        """What is still wanting, by field."""
        found = {}
        if self.typed.name != self.name:
            found["name"] = f"type {self.name} exactly"
        if not 1 <= len(self.typed.reason) <= LONGEST_REASON:
            found["reason"] = f"say why, in 1 to {LONGEST_REASON} characters: it goes on the audit trail"
        return found

    def page(self) -> Answer:
        """The question; with what is wanting, if it was answered already."""
        was_answered = request.method == "POST"
        body = render_template("confirm.html", asked=self, faults=self.faults if was_answered else {})
        return make_response(body, 400 if was_answered else 200)
