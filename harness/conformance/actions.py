"""Cases of the action socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Annotated, Any

import msgspec

from harness.conformance.case import CaseList
from harness.conformance.context import (
    CaseContext,
    CaseFailedError,
    describe,
    require,
    require_outcome,
)
from harness.conformance.socket_client import call, open_socket, receive, response_deadline_ns
from harness.contract.interpretation import Interpretation
from harness.contract.outcomes import Outcome
from harness.contract.response_models import FrameResult
from harness.contract.sockets import ACTION_FAILURES, ACTION_METHODS, action_frame

CASES = CaseList()

_UNKNOWN_METHOD = "conformUnknownMethod"
_OPTIONAL_METHODS = frozenset({"uploadFile"})
"""Methods that a cloud may lack: it has no file of the user."""


class _State(msgspec.Struct):
    url: str
    title: str
    html: str


class _Tab(msgspec.Struct):
    index: int
    url: str
    title: str
    active: bool


_Text = Annotated[str, msgspec.Meta(min_length=1)]
_RESULTS: tuple[tuple[str, Mapping[str, Any], Any], ...] = (
    ("goto", {"url": "about:blank"}, None),
    ("state", {}, _State),
    ("snapshot", {}, str),
    ("screenshot", {}, _Text),
    ("tabs", {}, list[_Tab]),
    ("getCookies", {}, list[dict[str, Any]]),
    ("getTitle", {}, str),
    ("getHtml", {}, str),
)
"""Method, arguments, type of the result. [client]"""


@contextmanager
def _action_socket(context: CaseContext) -> Iterator[Callable[..., Interpretation]]:
    """Open a session's action socket; yields a function that does one action on it."""
    created, numbers = context.open_session(), count(1)
    with open_socket(context, "action", created) as socket:

        def act(
            method: str, args: Mapping[str, Any] | None = None, token: str = ""
        ) -> Interpretation:
            number, token = next(numbers), token or created.action_token
            frame = action_frame(number, method, args or {}, created.session_id, token)
            return call(socket, "action", frame, number).interpretation

        yield act


@CASES.case(
    "action.answer", "The action socket opens with its token and answers by id", source="client"
)
def _action(context: CaseContext) -> None:
    with _action_socket(context) as act:
        interpretation = act("tabs")
    require(
        interpretation.outcome is Outcome.OK and not interpretation.violation,
        f"the action tabs: got {describe(interpretation)}",
    )


@CASES.case(
    "action.by_id", "Concurrent requests are each answered with their own id", source="client"
)
def _by_id(context: CaseContext) -> None:
    created = context.open_session()
    numbers = (7, 3, 5)
    with open_socket(context, "action", created) as socket:
        deadline_ns = response_deadline_ns()
        for number in numbers:
            frame = action_frame(number, "tabs", {}, created.session_id, created.action_token)
            socket.send(frame, deadline_ns)
        answered = [receive(socket, "action", deadline_ns).id for _ in numbers]
    require(sorted(answered) == sorted(numbers), f"ids 7, 3 and 5 were answered as {answered}")


@CASES.case("action.methods", "The socket supports every method of the SDK", source="client")
def _methods(context: CaseContext) -> None:
    with _action_socket(context) as act:
        unknown = [
            method
            for method in sorted(ACTION_METHODS.keys() - _OPTIONAL_METHODS)
            if act(method).outcome is Outcome.UNSUPPORTED_METHOD
        ]
    require(not unknown, f"CLOUD_UNSUPPORTED_METHOD: {', '.join(unknown)}")


@CASES.case("action.results", "Results have the types that the SDK reads", source="client")
def _results(context: CaseContext) -> None:
    with _action_socket(context) as act:
        for method, args, result_type in _RESULTS:
            interpretation = act(method, args)
            require_outcome(interpretation, method)
            assert isinstance(interpretation.value, FrameResult)
            try:
                msgspec.convert(interpretation.value.result, result_type)
            except msgspec.ValidationError as error:
                raise CaseFailedError(f"the result of {method}: {error}") from None


@CASES.case(
    "action.failed",
    "An action that the page refuses is CLOUD_ACTION_FAILED, with the reason in actionFailure",
    source="client",
)
def _failed(context: CaseContext) -> None:
    with _action_socket(context) as act:
        interpretation = act("click", {"selector": "#conform-no-such-element"})
    require(
        interpretation.outcome is Outcome.ACTION_FAILED and interpretation.state in ACTION_FAILURES,
        f"click on a missing element: got {describe(interpretation)} {interpretation.state}"
        ", not CLOUD_ACTION_FAILED with a known details.actionFailure.code",
    )


@CASES.case(
    "action.frame_token", "A frame with another token is answered CLOUD_AUTH_FAILED", source="ours"
)
def _frame_token(context: CaseContext) -> None:
    with _action_socket(context) as act:
        interpretation = act("tabs", token="act_conform")  # noqa: S106  it must be refused
    require_outcome(interpretation, "a frame with another token", "CLOUD_AUTH_FAILED")


@CASES.case("action.unsupported_method", "An unknown method is answered CLOUD_UNSUPPORTED_METHOD")
def _unsupported(context: CaseContext) -> None:
    with _action_socket(context) as act:
        interpretation = act(_UNKNOWN_METHOD)
    require_outcome(interpretation, "an unknown method", "CLOUD_UNSUPPORTED_METHOD")
