"""Benchmarks from the Hub, in the shapes that they have there."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hub_standin import HubStandIn

CODE = """
import json, sys
from builder.errors import InputError
from trainers.evaluation.benchmarks import BenchmarkSpec, load

for name in sys.argv[1:]:
    try:
        loaded = load(BenchmarkSpec(name=name))
        problems = [[p.id, p.text, p.gold.text, p.gold.unit, list(p.solutions)] for p in loaded.problems]
        print(json.dumps({"problems": problems, "provenance": loaded.provenance}))
    except InputError as error:
        print(json.dumps({"error": str(error)}))
"""


def parquet(rows):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def card(config, split, path):
    files = f"configs:\n- config_name: {config}\n  data_files:\n  - split: {split}\n    path: {path}\n"
    return f"---\nlicense: apache-2.0\n{files}---\n".encode()


def test_rows_become_problems_at_a_pinned_revision(tmp_path):
    amc = [{"id": 7, "question": "How many?", "answer": "27", "url": "u"}]
    olympiad = [
        {
            "id": 1606, "subfield": "Algebra", "context": None, "question": "Which speeds?", "solution": ["a", "b"],
            "final_answer": ["$3$,$5$"], "is_multiple_answer": True, "unit": "km/h", "answer_type": "Numerical",
            "error": None,
        }
    ]  # fmt: skip
    with HubStandIn() as hub:
        file = "data/test-00000-of-00001.parquet"
        sha = hub.commit("math-ai/amc23", {file: parquet(amc), "README.md": card("default", "test", file)})
        file = "OE_TO_maths_en_COMP/OE_TO_maths_en_COMP.parquet"
        content = {file: parquet(olympiad), "README.md": card("OE_TO_maths_en_COMP", "train", file)}
        hub.commit("Hothan/OlympiadBench", content)
        done = subprocess.run(
            [sys.executable, "-c", CODE, "amc23", "olympiadbench", "aime24"],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
            env=os.environ | hub.environment(tmp_path),
        )
    assert done.returncode == 0, done.stderr
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["problems"] == [["7", "How many?", "27", "", []]]
    assert (first["provenance"]["repo"], first["provenance"]["revision"]) == ("math-ai/amc23", sha)
    assert second["problems"] == [["1606", "Which speeds?", "3, 5", "km/h", ["a", "b"]]]
    assert "HuggingFaceH4/aime_2024 is neither on this machine nor on the Hub" in third["error"]
