"""Batches: many questions from a file, each asked once, whatever is killed on the way.

``facegate batch`` is the way to them. :func:`answer` is for pipelines that have an engine of their
own.
"""

from facegate.batch.table import answer

__all__ = ["answer"]
