"""What people must hear of: rules that watch, and notifications that reach them.

``state.firing(session)``
    What fires now, the newest first: for the API and the overview.
``watching.evaluate(now)``
    Called every 10 s by the producer: looks by every rule, and fires or resolves.
"""
