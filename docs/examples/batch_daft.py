"""Rows of a Daft table, answered: ``answers(table)`` has three columns more."""

import daft
from daft import DataType

import facegate
from facegate.batch import answer

ADDED = {
    "decision": DataType.string(),
    "score": DataType.float64(),
    "error_code": DataType.string(),
}


@daft.cls
class Answering:
    """Daft makes one in each of its workers."""

    def __init__(self):
        self.verifier = facegate.open()

    @daft.method.batch(return_dtype=DataType.struct(ADDED), unnest=True)
    def ask(self, probe: daft.Series, gallery: daft.Series):
        pairs = zip(probe.to_pylist(), gallery.to_pylist(), strict=True)
        rows = answer([{"probe": one, "gallery": other} for one, other in pairs], self.verifier)
        return [{name: row[name] for name in ADDED} for row in rows]


def answers(table: daft.DataFrame) -> daft.DataFrame:
    return table.select(*table.columns, Answering().ask(table["probe"], table["gallery"]))
