"""What a seller earned: pure functions over lines."""
