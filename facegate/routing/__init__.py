"""Routes, which say what providers a request goes to: flows around flows."""
