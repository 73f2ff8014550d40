"""The examples for Ray Data, Spark and Daft, each run in a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import facegate
from batches import Desk
from clusters import RAY
from facegate.batch import answer
from installed import Site

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"

PROGRAMS = {
    "ray.data": """
import ray
from batch_ray_data import answers
ray.init(address="local", num_cpus=2, include_dashboard=False)
found = answers(ray.data.from_items(rows)).take_all()
""",
    "pyspark": """
from pyspark.sql import SparkSession
from batch_spark import answers
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
session = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
found = [row.asDict() for row in answers(session.createDataFrame(rows)).collect()]
""",
    "daft": """
import daft
from batch_daft import answers
found = answers(daft.from_pylist(rows)).to_pylist()
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", PROGRAMS)
def test_an_engine_gives_the_answers_of_asking_one_by_one(
    here: Path, site: Site, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    pytest.importorskip(engine)
    desk = Desk(here, site, capsys)
    pictures = [str(here / name) for name in desk.pictures(6)]
    rows = [{"probe": one, "gallery": pictures[0]} for one in [*pictures[1:], "gone.png"]]
    program = f"import json\nrows = {rows}\n{PROGRAMS[engine]}\nprint('\\n' + json.dumps(found))"
    environ = {
        **os.environ,
        **RAY,
        "PYTHONPATH": f"{here.parent}{os.pathsep}{EXAMPLES}",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])

    columns = ("probe", "decision", "score", "error_code")
    with facegate.open() as verifier:
        expected = [[row[name] for name in columns] for row in answer(rows, verifier)]
    by_probe = sorted([row[name] for name in columns] for row in found)
    assert by_probe == sorted(expected)
    assert len(desk.calls) == 5
