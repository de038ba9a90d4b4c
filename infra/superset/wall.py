"""A board on a wall: /wall/<slug> shows it at the size of the screen, with a clock, and draws it anew now and then.

Superset's own refresh leaves the layers of maps as they were. Here the whole board is drawn again behind the one that
is seen, and shown when it is ready: nobody sees it load. What may be seen is still decided by the board itself.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, g, redirect, render_template_string, request
from werkzeug.wrappers import Response as AnyResponse

EVERY = 600  # seconds between two drawings
wall = Blueprint("wall", __name__)

PAGE = (Path(__file__).parent / "wall.html").read_text("utf-8")


@wall.route("/wall/<slug>")
def board(slug: str) -> AnyResponse:
    if not slug.replace("-", "").isalnum():
        abort(404)
    if not g.user or g.user.is_anonymous:
        return redirect(f"/login/?next={request.path}")
    address = f"/superset/dashboard/{slug}/?standalone=1"
    return Response(render_template_string(PAGE, address=address, every=EVERY, title="一张图"))
