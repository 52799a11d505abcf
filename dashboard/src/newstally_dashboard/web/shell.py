"""What surrounds every request: whom it is for, headers, metrics, and the last word on errors."""

import time
from collections.abc import Collection, Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newstally_dashboard.metrics import Metrics

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of the content: nothing from elsewhere, and no script or style within a page."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OTHER = "other"

log = structlog.get_logger()


def host_of(header: str) -> str:
    """Return the name in a Host header, without its port, in lower case."""
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


class Shell:
    """ASGI around the pages."""

    def __init__(
        self,
        app: ASGIApp,
        names: Collection[str],
        paths: Collection[str],
        metrics: Metrics,
    ) -> None:
        """`names`: hosts that may be asked for; `paths`: pages that metrics name."""
        self._app = app
        self._names = names
        self._paths = paths
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begin = time.perf_counter()
        page = self._page(scope["path"])
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            host = host_of(Headers(scope=scope).get("host", ""))
            if host in self._names:
                await self._app(scope, receive, sending)
            else:
                answer = PlainTextResponse(
                    "This dashboard is not served under that name: --names (or"
                    " NEWSTALLY_DASHBOARD_NAMES) lists those that it is.\n",
                    status_code=421,
                )
                await answer(scope, receive, sending)
        except Exception:  # a reader has had status 500 by then
            log.exception("page failed", page=page)
        finally:
            self._metrics.requests.labels(page, str(status)).inc()
            self._metrics.request_seconds.labels(page).observe(time.perf_counter() - begin)

    def _page(self, path: str) -> str:
        if path in self._paths:
            return path
        return "/static" if path.startswith("/static/") else OTHER
