"""Uploads articles as they come, with asyncio, and goes on after any failure.

python examples/python/stream.py 127.0.0.1:50051
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from newstally import Article, NewstallyClient, NewstallyError, Progress, UploadEvent


async def articles() -> AsyncIterator[Article]:
    """Stand for a feed; each time it is asked it gives the same articles from the beginning."""
    for number in range(100):
        await asyncio.sleep(0)
        yield Article("The Hourly Example", f"Report {number}: Berlin and Angela Merkel.")


def show(event: UploadEvent) -> None:
    """Called as the upload moves."""
    if isinstance(event, Progress):
        print(f"{event.upload.next_offset} settled", file=sys.stderr)


async def main(target: str) -> None:
    """The library waits for gateways and tries again by itself; what it raises is for good."""
    async with NewstallyClient(target) as client:
        try:
            upload = await client.upload(articles(), upload_id="example-stream", on_event=show)
        except NewstallyError as error:
            sys.exit(f"upload {error.upload_id} ended at article {error.next_offset}: {error}")
    print(f"{upload.counted} counted in {upload.statistics.seconds:.1f} s")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"))
