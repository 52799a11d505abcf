"""Uploads a data frame of pandas, row by row; polars and pyarrow are the same.

pip install ./protos ./client pandas
python examples/python/data_frame.py 127.0.0.1:50051
"""

import sys

import pandas as pd
from newstally import SyncNewstallyClient

FRAME = pd.DataFrame(
    {
        "source": ["The Weekly Example", "The Weekly Example", None],
        "text": ["Angela Merkel spoke in Berlin.", float("nan"), "Of nobody knows which paper."],
        "date": pd.to_datetime(["2026-04-06", "2026-04-07", None]),
    }
)


def main(target: str) -> None:
    """What is missing (NaN, None, NaT) is refused, and ends nothing."""
    names = {"source": "publication", "text": "content", "date": "publish_time"}
    with SyncNewstallyClient(target) as client:
        upload = client.upload(FRAME.rename(columns=names), upload_id="example-frame")
        print(f"{upload.counted} counted, {upload.refused} refused")
        for refusal in client.refusals(upload.upload_id):
            print(f"row {refusal.offset}: {refusal.reason}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
