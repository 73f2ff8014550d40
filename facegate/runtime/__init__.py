"""Flows and what runs them: effects, deadlines, drivers, the only code that opens connections."""
