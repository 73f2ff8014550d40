"""Running flows: effects, deadlines, drivers, and the only code that opens connections."""
