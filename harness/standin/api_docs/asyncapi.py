"""The AsyncAPI 3.0 document of the two sockets and of the webhooks."""

from __future__ import annotations

from typing import Any

from harness import __version__
from harness.standin.api_docs.openapi import codes_schema, component_schemas
from harness.standin.api_docs.response_models import WebhookEvent
from harness.standin.codes import ALL_CODES
from harness.standin.request_models import CONTRACT_VERSION
from harness.standin.response_bodies import SIGNATURE_HEADER
from harness.standin.sockets.frames import (
    METHODS,
    ActionDetails,
    ActionError,
    ActionOk,
    ActionRequest,
)

_REFS = "#/components/schemas/{name}"
_TOKEN = {
    "bindings": {
        "ws": {
            "method": "GET",
            "query": {
                "type": "object",
                "required": ["token"],
                "properties": {"token": {"type": "string"}},
            },
            "bindingVersion": "0.1.0",
        }
    }
}
_SESSION = {
    "parameters": {"sessionId": {"description": "The id that create_session returned."}},
    "servers": [{"$ref": "#/servers/standin"}],
}


def asyncapi_document() -> dict[str, Any]:
    """Describe the action socket, the CDP socket and the webhooks."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Opensteer Cloud sockets and webhooks, as the stand-in serves them",
            "version": __version__,
            "description": (
                f"Cloud session contract {CONTRACT_VERSION}. A wrong or expired token is "
                "refused at the upgrade with HTTP 401; a lost runtime closes with 1011."
            ),
        },
        "servers": {"standin": {"host": "127.0.0.1:8787", "protocol": "ws"}},
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channels() -> dict[str, Any]:
    def messages(*names: str) -> dict[str, Any]:
        return {name: {"$ref": f"#/components/messages/{name}"} for name in names}

    return {
        "action": {
            "address": "/ws/action/{sessionId}",
            "messages": messages("actionRequest", "actionOk", "actionError"),
            **_SESSION,
            **_TOKEN,
        },
        "cdp": {
            "address": "/ws/cdp/{sessionId}",
            "description": "The Chrome DevTools Protocol of a browser, flattened sessions.",
            "messages": messages("cdpCommand", "cdpMessage"),
            **_SESSION,
            **_TOKEN,
        },
        "webhook": {
            "address": None,
            "description": "The URL given to queue_run; delivered at least once.",
            "messages": messages("webhookEvent"),
        },
    }


def _operations() -> dict[str, Any]:
    def operation(action: str, channel: str, *names: str, reply: tuple[str, ...] = ()) -> Any:
        def refs(of: tuple[str, ...]) -> list[dict[str, str]]:
            return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in of]

        place = {"$ref": f"#/channels/{channel}"}
        document: dict[str, Any] = {
            "action": action, "channel": place, "messages": refs(names)
        }  # fmt: skip
        if reply:
            document["reply"] = {"channel": place, "messages": refs(reply)}
        return document

    return {
        "act": operation("receive", "action", "actionRequest", reply=("actionOk", "actionError")),
        "command": operation("receive", "cdp", "cdpCommand", reply=("cdpMessage",)),
        "notify": operation("send", "webhook", "webhookEvent"),
    }


def _messages() -> dict[str, Any]:
    def message(schema: str, correlated: str = "") -> dict[str, Any]:
        document: dict[str, Any] = {
            "contentType": "application/json",
            "payload": {"$ref": _REFS.format(name=schema)},
        }
        if correlated:
            document["correlationId"] = {"location": f"$message.payload#/{correlated}"}
        return document

    signature = {"type": "string", "pattern": "^t=[0-9]+,v1=[0-9a-f]{64}$"}
    return {
        "actionRequest": message("ActionRequest", "id"),
        "actionOk": message("ActionOk", "id"),
        "actionError": message("ActionError", "id"),
        "cdpCommand": message("CdpCommand", "id"),
        "cdpMessage": message("CdpMessage", "id"),
        "webhookEvent": message("WebhookEvent")
        | {
            "headers": {
                "type": "object",
                "required": [SIGNATURE_HEADER],
                "properties": {SIGNATURE_HEADER: signature},
            }
        },
    }


def _schemas() -> dict[str, Any]:
    _, schemas = component_schemas(
        [ActionRequest, ActionOk, ActionError, ActionDetails, WebhookEvent]
    )
    schemas["ActionRequest"]["properties"]["method"] = {"enum": list(METHODS)}
    schemas["ActionError"]["properties"]["code"] = codes_schema(ALL_CODES)
    schemas["CdpCommand"] = {
        "type": "object",
        "required": ["id", "method"],
        "properties": {
            "id": {"type": "integer"},
            "method": {"type": "string"},
            "params": {"type": "object"},
            "sessionId": {"type": "string"},
        },
    }
    schemas["CdpMessage"] = {
        "type": "object",
        "description": "The response to a command (`id`), or an event (`method`).",
        "anyOf": [{"required": ["id"]}, {"required": ["method"]}],
    }
    return schemas
