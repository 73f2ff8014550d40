"""Rows of a Spark table, answered: ``answers(table)`` has three columns more."""

from collections.abc import Iterator

import pandas as pd
from pyspark.sql import DataFrame

import facegate
from facegate.batch import answer

ADDED = {"decision": "string", "score": "double", "error_code": "string"}


def answers(table: DataFrame) -> DataFrame:
    columns = [*table.columns, *ADDED]
    types = {**dict(table.dtypes), **ADDED}
    schema = ", ".join(f"`{name}` {types[name]}" for name in columns)

    def ask(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        with facegate.open() as verifier:  # one for each partition
            for batch in batches:
                rows = answer(batch.to_dict("records"), verifier)
                yield pd.DataFrame(rows, columns=columns)

    return table.mapInPandas(ask, schema)
