"""The scheduled jobs that the code brings: one file each, found by themselves (S4-1)."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal

from pydantic import Field, InstanceOf, model_validator

from app.crontab.fields import EntryId, Fields, Schedule
from app.jobs.catalog import RUN_ENTRY, JobSpec
from app.settings import settings

log = logging.getLogger(__name__)

BUILT_IN = Path(__file__).parent / "jobs"
#: What a file may say by mistake, such as ``timeout`` for ``timeout_s``, and what it may not be told apart from.
PLAIN = (str, int, float, bool, tuple, list, dict)

Log = logging.Logger


class JobsUnreadable(RuntimeError):
    """The folder of scheduled jobs cannot be read: a system without its crontab must not look alive."""


class Job(Fields):
    """A file under ``app/crontab/jobs`` (or CRONTAB_DIR): its module-level names are these fields.

    ``run(log)`` is the body, ``check()`` its own pre-check, ``cleanup()`` follows whatever happens; the last two may be
    left out. ``spec`` is the queued job that runs it. ``reads``, ``writes`` and ``proof`` (a test with a known answer)
    are for docs/crontab.md. A ``schedule`` of "" is a body without an entry of its own: entries made at run time bring
    theirs, and ``check_data`` refuses data that the body could not use.
    """

    name: EntryId
    schedule: Schedule | Literal[""]
    run: Callable[[Log], Any]
    check: Callable[[], object] | None = None
    cleanup: Callable[[], object] | None = None
    check_data: Callable[[Mapping[str, Any]], object] | None = None
    spec: InstanceOf[JobSpec[Any]] = Field(default_factory=lambda: RUN_ENTRY)
    reads: str = "–"
    writes: str = "–"
    proof: str = "–"

    @model_validator(mode="before")
    @classmethod
    def _has_a_title(cls, said: dict[str, Any]) -> dict[str, Any]:
        return {"title": _words(str(said.get("name"))), **said}

    def fields(self) -> dict[str, Any]:
        """What the table holds of it."""
        return {"job": self.name, **{name: getattr(self, name) for name in Fields.model_fields}}


@lru_cache
def jobs() -> Mapping[str, Job]:
    """Every job of this process's code by name, read once. Raises JobsUnreadable."""
    found = {job.name: job for job in load(BUILT_IN, "app.crontab.jobs")}
    if settings().crontab_dir:
        for job in load(Path(settings().crontab_dir), "crontab_jobs"):
            found.setdefault(job.name, job)
    return MappingProxyType(found)


def scheduled_jobs() -> list[Job]:
    """Those that bring an entry of their own, by name."""
    return sorted((job for job in jobs().values() if job.schedule), key=lambda job: job.name)


def load(folder: Path, package: str) -> Iterator[Job]:
    """The jobs of a folder's files; one that is broken is logged and left out. Raises JobsUnreadable."""
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix == ".py" and not file.name.startswith("_"))
    except OSError as error:
        raise JobsUnreadable(f"the folder of scheduled jobs {str(folder)!r} cannot be read: {error}") from error
    for file in files:
        try:
            yield _job(_module(file, f"{package}.{file.stem}"))
        except Exception:
            log.exception("crontab: %s is left out", file)


def load_or_exit() -> Mapping[str, Job]:
    """For programs that are nothing without the crontab: exit code 1 if it cannot be read."""
    try:
        return jobs()
    except JobsUnreadable as error:
        log.critical("%s", error)
        sys.exit(1)


def _module(file: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None  # noqa: S101 - a .py file has a loader
    assert spec.loader is not None  # noqa: S101 - narrows what importlib may leave out
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _job(module: ModuleType) -> Job:
    """A plain lower-case name that is no field is refused: it is one that somebody has misspelt."""
    said = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    of_job = {
        name: value
        for name, value in said.items()
        if name in Job.model_fields or (name.islower() and isinstance(value, PLAIN))
    }
    return Job.model_validate(of_job)


def _words(name: str) -> str:
    """``syncWebUrls`` is "Sync Web Urls"."""
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").replace("-", " ").title()
