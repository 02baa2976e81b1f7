"""The system looks after itself: health, figures, clean-up, backups (documents 000, 003 and 004)."""
