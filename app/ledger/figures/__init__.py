"""Throughput, failures, waits and durations of jobs, kept by the minute, the quarter and the hour.

``counting.count(session, now, label)``
    Called every 10 s by the producer: takes what has ended since into the figures, each job once.
``sampling.sample(session, now, looks)``
    Called every 10 s: how long each queue is, and the age of its oldest waiting job.
``reading.job_series(session, window, now, …)`` and ``reading.queue_series(session, window, now, …)``
    What the API and the dashboard draw: wait and run percentiles, throughput, failures, oldest waiting, by time.

Why so: docs/decisions/0012-figures-of-jobs.md.
"""
