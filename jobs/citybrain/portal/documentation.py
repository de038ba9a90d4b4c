"""The API's page, from its own description, without a script from anywhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from citybrain.portal.access import CurrentUser
from citybrain.portal.pages import render

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
def documentation(request: Request, _: CurrentUser) -> Response:
    described = request.app.openapi()
    calls = [
        {"method": method.upper(), "path": path, **_facts(call)}
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    ]
    return render(
        request,
        "documentation.html",
        calls=calls,
        schemas=_schemas(described),
        chunk=request.app.state.portal.settings.chunk,
    )


def _schemas(described: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Of each kind of answer its fields: name, type, meaning."""
    return {
        name: [(key, _name(field), field.get("description", "")) for key, field in schema["properties"].items()]
        for name, schema in described["components"]["schemas"].items()
        if "properties" in schema
    }


def _facts(call: dict[str, Any]) -> dict[str, Any]:
    body = call.get("requestBody", {}).get("content", {})
    answers = {code: _answer(answer) for code, answer in call["responses"].items() if code < "300"}
    return {
        "summary": call.get("summary", ""),
        "description": call.get("description", ""),
        "parameters": call.get("parameters", []),
        "body": {kind: _name(content.get("schema", {})) for kind, content in body.items()},
        "answers": answers,
    }


def _answer(answer: dict[str, Any]) -> str:
    return "、".join(_name(content.get("schema", {})) for content in answer.get("content", {}).values())


def _name(schema: dict[str, Any]) -> str:
    """A schema in a word."""
    if reference := schema.get("$ref"):
        return str(reference).rsplit("/", 1)[-1]
    if schema.get("type") == "array":
        return f"{_name(schema['items'])}[]"
    if options := schema.get("anyOf"):
        return " | ".join(_name(option) for option in options)
    return (
        " | ".join(map(str, schema["enum"]))
        if "enum" in schema
        else str(schema.get("format") or schema.get("type", ""))
    )
