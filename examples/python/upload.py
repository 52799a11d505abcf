"""Uploads articles and shows what they mention most, without asyncio.

pip install ./protos ./client
python examples/python/upload.py 127.0.0.1:50051
"""

import sys

from newstally import Article, SyncNewstallyClient

ARTICLES = [
    Article("The Daily Example", "Angela Merkel met the NATO secretary in Berlin."),
    Article("The Daily Example", "Berlin welcomed Angela Merkel.", article_id="a-2"),
    {"publication": "The Daily Example", "content": None},  # refused, and ends nothing
]


def main(target: str) -> None:
    """Run it twice: the upload has an id of its own, so nothing counts twice."""
    with SyncNewstallyClient(target) as client:
        upload = client.upload(ARTICLES, upload_id="example-upload")
        print(f"{upload.counted} counted, {upload.refused} refused")
        for refusal in client.refusals(upload.upload_id):
            print(f"article {refusal.offset}: {refusal.reason}")
        client.wait_applied(upload.upload_id)
        for tally in client.entity_tallies("The Daily Example"):
            print(f"{tally.name} ({tally.label}): {tally.mentions}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
