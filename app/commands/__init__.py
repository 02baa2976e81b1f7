"""The ``toril`` command's parts: one file a group."""
