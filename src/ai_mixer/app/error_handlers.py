"""Answers to requests that fail: one line of JSON, whatever went wrong."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ai_mixer.app.access import problem
from ai_mixer.app.errors import AppError, error_line
from ai_mixer.utils.log import logger


def add_errors(app: FastAPI, home: Path) -> None:
    """Add the handlers to an application. home: left out of messages."""

    @app.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> JSONResponse:
        return problem(str(error), error.status)

    @app.exception_handler(ValueError)
    async def on_value_error(request: Request, error: ValueError) -> JSONResponse:
        return problem(error_line(error, home), 400)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part)[:60] for part in first["loc"][1:])
        return problem(f"{place}: {first['msg']}" if place else first["msg"], 422)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 405:
            return problem(str(error.detail), 405, {"allow": _allowed_methods(app, request)})
        return problem(str(error.detail), error.status_code)

    @app.exception_handler(Exception)
    async def on_error(request: Request, error: Exception) -> JSONResponse:
        logger.exception("request failed")
        return problem(error_line(error, home), 507 if isinstance(error, OSError) else 500)


def _allowed_methods(app: FastAPI, request: Request) -> str:
    """Methods of a path: each is a route of its own, so a route knows only its own."""
    scope = {**request.scope, "path_params": {}}
    found = (r for r in app.routes if isinstance(r, APIRoute) and r.matches(scope)[0] != Match.NONE)
    return ", ".join(sorted({method for route in found for method in route.methods or ()}))
