"""How gunicorn serves the API and the dashboard; the supervisor starts it with `gunicorn app.wsgi:application`."""

from gunicorn.workers.base import Worker

from app.settings import settings

bind = f"{settings().web_host}:{settings().web_port}"
worker_class = "gthread"
workers = 2
# Up to 12 of them hold a page's stream (app/dashboard/live.py).
threads = 24
timeout = 30
graceful_timeout = 10
keepalive = 5
# The engine and the Redis pools must not cross a fork.
preload_app = False
# It would open a socket under the home directory.
control_socket_disable = True
limit_request_line = 4094
limit_request_field_size = 8190


def post_worker_init(worker: Worker) -> None:
    """Say in the log when a process can answer: it imports for seconds after it was booted."""
    worker.log.info("Worker ready with pid: %s", worker.pid)
