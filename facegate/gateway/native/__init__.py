"""The native API, `/v1`: everything that a question and its result have, over HTTP."""
