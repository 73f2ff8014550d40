"""Which providers a request goes to: flows around flows."""
