"""The scheduled jobs, one file each: a name, a schedule and a ``run(log)``; see ``app.crontab``."""
