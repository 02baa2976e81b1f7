"""What gunicorn serves: ``app.wsgi:application``."""

from __future__ import annotations

from app import log
from app.api.application import create_app
from app.dashboard.site import add_to
from app.settings import settings

log.configure("json" if settings().environment == "production" else "console", settings().log_level.upper())
application = add_to(create_app())
