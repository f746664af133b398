"""Who may use the server: a token or a password, and only this page's own origin.

A page of another site can send requests to 127.0.0.1, and a name of its own can lead there (DNS
rebinding). So requests need the cookie that the token or the password gives, the `Host` of this
server, and, if the browser sends an `Origin`, its own.
"""

import asyncio
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
WRONG_PASSWORD_DELAY_S = 1.0
MAX_FORM_BYTES = 4096
COOKIE_DAYS = 30
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """What a request needs. password: instead of the token of the address; hosts other than
    loopback are then allowed. port: that of the server, also the name of the cookie: browsers share
    cookies between the ports of a machine.
    """

    token: str
    port: int
    password: str | None = None

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"ai_mixer_{self.port}"

    def allows_host(self, host: str) -> bool:
        """Whether `Host` is a name of this server."""
        return self.password is not None or host in {f"{name}:{self.port}" for name in LOOPBACK}

    def allows_token(self, token: str) -> bool:
        """Whether a token is the right one; takes the same time for each."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def allows_password(self, password: str) -> bool:
        """Whether a password is the right one."""
        return self.password is not None and hmac.compare_digest(
            password.encode(), self.password.encode()
        )


def load_token(file: Path) -> str:
    """The token of earlier starts, which open pages have, or a new one; readable by its owner."""
    if file.is_file():
        token = file.read_text(encoding="ascii", errors="replace").strip()
        if len(token) >= 32:
            return token
        file.unlink()
    token = secrets.token_urlsafe(32)
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(token)
    return token


class Guard:
    """Refuse requests that `Access` does not allow, before they reach the application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access
        self._wrong_password = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets
        request = Request(scope, receive)
        refusal = self._refusal(request.headers) or await self._sign_in(request)
        if refusal is not None:
            refusal.headers.update(SECURITY_HEADERS)
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.encode(), v.encode()) for k, v in SECURITY_HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.access.allows_host(host):
            return problem(f"Host {host[:80]!r} is not this server", 421)
        if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
            return problem(f"Origin {origin[:80]!r} may not use this server", 403)
        return None

    async def _sign_in(self, request: Request) -> Response | None:
        """None if the request is signed in; otherwise what answers it."""
        access = self.access
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        signed_in = any(
            access.allows_token(token) for token in (request.cookies.get(access.cookie, ""), bearer)
        )
        given = request.query_params.get("token") if request.url.path == "/" else None
        if access.password is None and given is not None and access.allows_token(given):
            return self._signed_in()
        if signed_in:
            return None
        if access.password is None:
            return problem("open the address with the token that the terminal shows", 401)
        return await self._ask_password(request)

    async def _ask_password(self, request: Request) -> Response:
        path = request.url.path
        if path == "/login" and request.method == "POST":
            return await self._log_in(request)
        if path in {"/", "/login"} and request.method == "GET":
            return HTMLResponse(login_page(""), 401)
        return problem("sign in at / with the password", 401)

    async def _log_in(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                return problem("the form is too long", 413)
        fields = parse_qs(body.decode("utf-8", "replace"))
        if self.access.allows_password(fields.get("password", [""])[0]):
            return self._signed_in()
        async with self._wrong_password:  # one guess at a time, whoever makes it
            await asyncio.sleep(WRONG_PASSWORD_DELAY_S)
        return HTMLResponse(login_page("That is not the password."), 401)

    def _signed_in(self) -> Response:
        response = RedirectResponse("/", 303)
        response.set_cookie(
            self.access.cookie,
            self.access.token,
            max_age=86_400 * COOKIE_DAYS,
            httponly=True,
            samesite="strict",
        )
        return response


def problem(message: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as JSON, one line."""
    return JSONResponse({"error": " ".join(message.split())}, status, headers)


def login_page(message: str) -> str:
    """Form for the password."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>ai_mixer</title><h1>ai_mixer</h1>"
        f'<p role="alert">{escape(message)}</p><form method="post" action="/login">'
        '<label>Password <input name="password" type="password" autocomplete="current-password" '
        "autofocus required></label> <button>Sign in</button></form></html>"
    )
