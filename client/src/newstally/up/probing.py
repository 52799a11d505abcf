"""Asks a service's admin port whether it is ready."""

import asyncio

TIMEOUT_SECONDS = 2.0
_LONGEST_BODY = 64 * 1024


async def readyz(host: str, port: int) -> tuple[bool, str]:
    """Return whether /readyz answers 200, and its body or why there is none."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                await writer.drain()
                answer = await _read_to_end(reader)
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        return False, str(error) or "no answer in time"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split()
    return status[1:2] == [b"200"], body.decode(errors="replace").strip()


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _LONGEST_BODY and (data := await reader.read(_LONGEST_BODY)):
        answer += data
    return answer
