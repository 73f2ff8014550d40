"""Pictures: read from whatever a caller has, checked once, never decoded."""
