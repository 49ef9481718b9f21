"""Reads and writes the JSON of a matrix with Python's json. Prints the milliseconds of the fastest read and write."""

import json
import sys
import time

text = open(sys.argv[1], "rb").read()
best = [float("inf")] * 2
for _ in range(3):
    begin = time.perf_counter()
    matrix = json.loads(text)
    best[0] = min(best[0], time.perf_counter() - begin)
    begin = time.perf_counter()
    json.dumps(matrix, separators=(",", ":")).encode()
    best[1] = min(best[1], time.perf_counter() - begin)
print(best[0] * 1e3, best[1] * 1e3)
