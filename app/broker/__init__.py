"""A Dramatiq broker that is a BullMQ client. It knows nothing of the rest of ``app``.

Nothing is imported here: the keeper process loads two modules of this package and must stay small.
"""
