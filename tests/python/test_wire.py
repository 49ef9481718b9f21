"""The golden files, read by others: Python's json, and classes that Google's compiler made of the shipped .proto.

tests/run_wire.sh generates the classes and runs this.
"""

import base64
import functools
import json
import pathlib
import unittest

import keyviz_pb2

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))

DOCUMENT = ["column_unix_ms", "rows", "series", "generated_at", "fanout", "node"]
ROW = [
    "bucket_id", "label", "start", "end", "aggregate", "route_ids", "route_ids_truncated", "route_count", "values",
    "conflict", "conflicts", "raft_group_ids", "leader_terms",
]
REQUIRED = {"bucket_id", "start", "end", "aggregate", "route_count", "values"}


def document(name):
    return json.loads((GOLDEN / f"{name}.json").read_bytes())


def message(name):
    parsed = keyviz_pb2.GetKeyVizMatrixResponse()
    parsed.ParseFromString((GOLDEN / f"{name}.pb").read_bytes())
    return parsed


def key(text):
    return b"" if text is None else base64.b64decode(text, validate=True)


def for_each_file(test):
    @functools.wraps(test)
    def each(self):
        self.assertGreaterEqual(len(NAMES), 10)
        for name in NAMES:
            with self.subTest(name):
                test(self, name)

    return each


class Wire(unittest.TestCase):
    @for_each_file
    def test_fields_have_their_order_and_leave_out_what_is_empty(self, name):
        whole = document(name)
        self.assertEqual(list(whole), [field for field in DOCUMENT if field in whole])
        self.assertLessEqual({"column_unix_ms", "rows", "series", "generated_at"}, set(whole))
        self.assertRegex(whole["generated_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
        for row in whole["rows"]:
            self.assertEqual(list(row), [field for field in ROW if field in row])
            self.assertLessEqual(REQUIRED, set(row))
            for field in set(row) - REQUIRED:
                self.assertTrue(row[field], f"{field} is empty")
            for field in ("values", "conflicts", "raft_group_ids", "leader_terms"):
                if field in row:
                    self.assertEqual(len(row[field]), len(whole["column_unix_ms"]))
            for bound in ("start", "end"):
                self.assertNotEqual(row[bound], "")

    @for_each_file
    def test_protobuf_says_what_json_says(self, name):
        whole, parsed = document(name), message(name)
        self.assertEqual(list(parsed.column_unix_ms), whole["column_unix_ms"])
        self.assertEqual(len(parsed.rows), len(whole["rows"]))
        for theirs, row in zip(parsed.rows, whole["rows"]):
            self.assertEqual((theirs.start, theirs.end), (key(row["start"]), key(row["end"])))
            for field in ("bucket_id", "label", "aggregate", "route_ids_truncated", "route_count"):
                self.assertEqual(getattr(theirs, field), row.get(field, type(getattr(theirs, field))()))
            for field in ("route_ids", "values", "raft_group_ids", "leader_terms"):
                self.assertEqual(list(getattr(theirs, field)), row.get(field, []))
            self.assertFalse(theirs.sample_roles or theirs.lineage_id or theirs.soft_columns)

    @for_each_file
    def test_python_writes_the_same_protobuf_of_the_json(self, name):
        whole = document(name)
        made = keyviz_pb2.GetKeyVizMatrixResponse(column_unix_ms=whole["column_unix_ms"])
        for row in whole["rows"]:
            fields = {field: value for field, value in row.items() if field not in ("conflict", "conflicts")}
            made.rows.add(**fields | {"start": key(row["start"]), "end": key(row["end"])})
        self.assertEqual(made.SerializeToString(deterministic=True), (GOLDEN / f"{name}.pb").read_bytes())

    @for_each_file
    def test_python_writes_the_same_json(self, name):
        text = (GOLDEN / f"{name}.json").read_text("utf-8")
        self.assertEqual(json.dumps(document(name), separators=(",", ":"), ensure_ascii=False), text)


if __name__ == "__main__":
    unittest.main()
