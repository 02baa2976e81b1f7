"""Why a job has not run yet: ordered reasons, each with its numbers, for the API and the pages alike.

What has happened to the job itself comes first; then what holds up its queue, the lasting before the passing; then its
place in the line. Redis says where the job is now, the ledger what was promised and why it was put off.
"""

from app.jobs.why.composed import why
from app.jobs.why.reason import Kind, Reason

__all__ = ["Kind", "Reason", "why"]
