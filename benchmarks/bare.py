"""The least that a service can do: read a body and answer. ``uvicorn bare:app``."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def compare(request: Request) -> Response:
    """Everybody is the same person."""
    await request.body()
    return JSONResponse({"accepted": True, "score": 0.9})


app = Starlette(routes=[Route("/v1/compare", compare, methods=["POST"])])
