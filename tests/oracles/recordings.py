"""The Parquet files of tests/it/recordings.rs, as another implementation writes them.

    python3 tests/oracles/recordings.py tests/it/recordings     (pyarrow; a second)

Row n has what `values` in tests/it/recordings.rs gives; the test writes the same tables as CSV.
"""

import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

EPOCH, ROWS = datetime(2026, 1, 23, tzinfo=timezone.utc), 300


def values(n):
    a, b = n * 37 % 101 / 10, n * 53 % 97 / 10
    return a, b, a + b + n * 11 % 7 / 10


def wide():
    rows = [(n, *values(n)) for n in range(ROWS)]
    return pa.table(
        {
            "time": pa.array([EPOCH + timedelta(seconds=n) for n in range(ROWS)], pa.timestamp("us", tz="UTC")),
            "a": pa.array([a for _, a, _, _ in rows], pa.float64()),
            "b": pa.array([None if n % 50 == 7 else b for n, _, b, _ in rows], pa.float64()),
            "c": pa.array([c for _, _, _, c in rows], pa.float64()),
            "on": pa.array([n % 3 == 0 for n in range(ROWS)], pa.bool_()),
            "mass": pa.array([Decimal(n * 29 % 1000).scaleb(-2) for n in range(ROWS)], pa.decimal128(9, 2)),
            "count": pa.array([n * 7 % 11 for n in range(ROWS)], pa.int16()),
            "note": pa.array([f"shift {n // 100}" for n in range(ROWS)]).dictionary_encode(),
        }
    )


def long():
    # In one second no tag has a value, in another all have a bad quality.
    cells = [(n, tag, value) for n in range(ROWS) for tag, value in zip("abc", values(n))]
    return pa.table(
        {
            "time": pa.array([EPOCH + timedelta(seconds=n) for n, _, _ in cells], pa.timestamp("ms")),
            "tag": pa.array([tag for _, tag, _ in cells]).dictionary_encode(),
            "value": pa.array([None if n == 20 else value for n, _, value in cells], pa.float64()),
            "quality": pa.array([0 if n == 40 else 192 for n, _, _ in cells], pa.int32()),
        }
    )


def plain():
    rows = range(20)
    return pa.table(
        {
            "time": pa.array([1769126400 + n for n in rows], pa.int64()),
            "a": pa.array([n / 8 for n in rows], pa.float64()),
            "b": pa.array([None if n % 7 == 3 else n for n in rows], pa.int32()),
            "note": pa.array([f"shift {n // 4}" for n in rows]),
        }
    )


into = sys.argv[1]
pq.write_table(wide(), f"{into}/wide.parquet", compression="zstd", row_group_size=120, data_page_version="2.0")
pq.write_table(long(), f"{into}/long.parquet", compression="snappy", row_group_size=400)
# Nothing is packed and each column differs, so that what is damaged reaches the decoders.
encodings = {"time": "DELTA_BINARY_PACKED", "a": "BYTE_STREAM_SPLIT", "b": "PLAIN", "note": "DELTA_BYTE_ARRAY"}
pq.write_table(plain(), f"{into}/plain.parquet", compression="none", use_dictionary=False, column_encoding=encodings)
