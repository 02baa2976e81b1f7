"""Every schedule in one table, each slot run once, each run recorded.

How a run comes about::

    jobs/*.py ──sync──▶ crontab_entry ◀── create, change, restore, remove (operators)
                             │ tick(now), in the producer: slots in (cursor, now + 90 s], less what the policy drops
                             ▼
        queue cron-jobs: run_entry {entry, slot, version}, id tick-<entry>-<slot>, delayed to its second
                             │ claimed by a worker (the two that only enqueue: by the producer, from queue cron)
                             ▼
        execute.run_entry: version? ─▶ session RUNNING ─▶ pre-checks ─▶ run(log) ─▶ cleanup ─▶ COMPLETED or FAILED

What others call:

``jobs/<file>.py``
    A scheduled job is a file whose module-level names are the fields of ``code.Job``: ``name`` (the entry's id,
    ``syncWebUrls``), ``schedule`` and ``run(log)``; if they differ from the defaults also ``title``, ``timezone``
    (default: TIMEZONE), ``data``, ``enabled``, ``catch_up`` ("skip", "one", "all"; default "one"), ``timeout_s`` (30),
    ``memory_limit_mb`` (512; None for no limit), ``attempts`` (total runs, 1), ``alert_on_failure`` (True),
    ``environments`` (empty: all); ``check()`` and ``cleanup()``; for docs/crontab.md ``reads``, ``writes``, ``proof``.
    The file is short: its body is one call into a domain. A name that is no field breaks the file, which is then
    logged and left out. A folder of an installation's own jobs is named by CRONTAB_DIR.
``recurring.schedule_recurring_job(session, queue, name, data, cron, timezone=, priority=, entry_id=, by=, at=)``
    A job of any queue of the catalog, again and again: an entry whose body, run by the producer, adds it (S3-18).
``running.current_run()``
    What a body may know of its run: ``slot`` (equal for every attempt: do once per slot what is done once), ``data``,
    ``session_id``, ``manual``, and ``details``, a dict that becomes the session's metadata. What ``run`` returns is
    the job's return value. A body may raise ``Park``: its session stays RUNNING until it goes on.
``entries``
    ``find(session, id_or_title)``, ``all_entries``, ``is_ours``, ``create(session, NewEntry(...), by=, at=, why=)``,
    ``change(session, id, {"schedule": ...}, by=, at=, why=)``, ``restore``, ``remove``. Start and stop are changes of
    ``enabled``. Wrong values raise pydantic's ValidationError, which names the field; else EntryNotFound, EntryExists,
    EntryOfCode. Each act is in the audit trail (``app.ledger.audit``).
``adding.trigger(session, id_or_title, by=, at=, why=)``
    Run an entry now; returns the session's id. EntryNotFound, AlreadyRunning.
``sessions``
    ``get_sessions`` (100), ``get_sessions_by_job`` (50), ``get_running``, ``count_failures(session, since)``.
``overdue.overdue(session, now)``
    Entries whose slot is late, with the slot and why.
``alert.alert(entry, session, error)``
    Where notifications of failed runs begin.
``cron``
    ``slots_between``, ``last_slot``, ``is_slot``, ``in_words``.
"""
