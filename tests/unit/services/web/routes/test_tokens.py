"""Room tokens: what they allow, whom they are for, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from livekit import api

from services.dispatch_metadata import DispatchMetadata
from services.livekit_server.credentials import LiveKitCredentials
from services.web.app import web_server
from services.web.http.errors import ApiError
from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus, OfferedAgent
from services.web.routes.tokens import (
    Holder,
    TokenIssuer,
    TokenRefusedError,
    new_room_name,
    valid_name,
    valid_room,
)
from tests.support.web_client import fetch, post

pytestmark = pytest.mark.unit

SECRET = "a secret of at least thirty-two characters"
URL = "ws://127.0.0.1:7880"


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer("key", SECRET, URL, "the agent", ttl_seconds=300)


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = web_server(
        LiveKitCredentials(URL, "key", SECRET),
        lambda: AgentStatus(agents=(OfferedAgent("desk", "The desk"),)),
        agent_name="the agent",
        public_url="wss://lk.example.com",
        port=0,
        tokens_per_minute=1000,
    )
    server.start()
    yield server
    server.stop()


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return decoded


def test_a_token_is_for_one_room_and_one_identity_and_no_more(issuer: TokenIssuer) -> None:
    issued = issuer.issue(room="kitchen", name="Ann")
    said = claims(issued.token)
    assert said["video"] == {
        "room": "kitchen",
        "roomJoin": True,
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": False,
    }
    assert said["sub"] == issued.identity
    assert said["name"] == "Ann"
    assert said["iss"] == "key"
    assert set(said) == {"video", "sub", "iss", "name", "nbf", "exp", "roomConfig"}


def test_a_token_lasts_for_minutes(issuer: TokenIssuer) -> None:
    issued = issuer.issue()
    said = claims(issued.token)
    assert said["exp"] - said["nbf"] == 300 == issued.expires_in_seconds


def test_a_token_brings_the_agent_along(issuer: TokenIssuer) -> None:
    dispatch = claims(issuer.issue().token)["roomConfig"]["agents"]
    assert [agent["agentName"] for agent in dispatch] == ["the agent"]
    nameless = TokenIssuer("key", SECRET, URL, "").issue()
    assert "roomConfig" not in claims(nameless.token)


def test_identities_and_rooms_are_new_each_time(issuer: TokenIssuer) -> None:
    issued = [issuer.issue() for _ in range(50)]
    assert len({token.identity for token in issued}) == 50
    assert len({token.room for token in issued}) == 50


def test_a_ticket_names_its_holder_and_allows_nothing(issuer: TokenIssuer) -> None:
    issued = issuer.issue(room="kitchen")
    grants = claims(issued.ticket)["video"]
    assert grants.pop("room") == "kitchen"
    assert not any(grants.values())
    assert issuer.verify(issued.ticket) == Holder("kitchen", issued.identity)
    assert issuer.verify(issued.token) == Holder("kitchen", issued.identity)


def test_forged_expired_and_foreign_tokens_are_refused(issuer: TokenIssuer) -> None:
    forged = TokenIssuer("key", "another secret of thirty-two letters", URL, "a").issue().token
    foreign = TokenIssuer("other", SECRET, URL, "a").issue().token
    expired = TokenIssuer("key", SECRET, URL, "a", ttl_seconds=-60).issue().token
    roomless = api.AccessToken("key", SECRET).with_identity("a").to_jwt()
    unsigned = jwt.encode({"sub": "a", "iss": "key", "video": {"room": "a"}}, "", algorithm="none")
    eternal = jwt.encode({"sub": "a", "iss": "key", "video": {"room": "a"}}, SECRET)
    odd = jwt.encode({"sub": "a", "iss": "key", "exp": 2**33, "video": "room"}, SECRET)
    for token in (forged, foreign, expired, roomless, unsigned, eternal, odd, "", "a.b.c", "é"):
        with pytest.raises(TokenRefusedError):
            issuer.verify(token)


def test_the_route_answers_with_the_address_for_browsers(server: WebServer) -> None:
    answer = post(server, "/api/token", {"room": " K\u00fcche 2 ", "name": "Zo\u0065\u0301"})
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["url"] == "wss://lk.example.com"
    assert body["room"] == "Küche 2"
    assert claims(body["token"])["name"] == "Zoé"
    assert claims(body["token"])["video"]["room"] == "Küche 2"
    assert claims(body["token"])["sub"] == body["identity"]


def test_a_chosen_agent_is_asked_for_by_the_token_and_again_by_the_ticket(
    server: WebServer, issuer: TokenIssuer
) -> None:
    assert fetch(server, "/api/status").json()["agents"] == [{"name": "desk", "title": "The desk"}]
    body = post(server, "/api/token", {"agent": "desk"}).json()
    token = claims(body["token"])
    (dispatch,) = token["roomConfig"]["agents"]
    assert DispatchMetadata.decode(dispatch["metadata"]).agent == "desk"
    assert token["attributes"] == {"agent": "desk"}
    assert issuer.verify(body["ticket"]).agent == "desk"
    unnamed = TokenIssuer("key", SECRET, URL, "").issue(agent="desk")
    (dispatch,) = claims(unnamed.token)["roomConfig"]["agents"]
    assert DispatchMetadata.decode(dispatch["metadata"]).agent == "desk"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"room": "a/b"}, "bad_room"),
        ({"room": "x" * 65}, "bad_room"),
        ({"room": "x" * 100_000}, "too_large"),
        ({"room": 7}, "bad_room"),
        ({"room": ["a"]}, "bad_room"),
        ({"room": "a\u202eb"}, "bad_room"),
        ({"name": "a\x00b"}, "bad_name"),
        ({"name": "right\u202eleft"}, "bad_name"),
        ({"name": "\ud800"}, "bad_name"),
        ({"name": "n" * 65}, "bad_name"),
        ({"name": {}}, "bad_name"),
        ({"agent": "nobody"}, "bad_agent"),
        ({"agent": ["desk"]}, "bad_agent"),
        ([], "bad_json"),
        ("text", "bad_json"),
        (None, "bad_json"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(
    server: WebServer, body: object, code: str
) -> None:
    answer = post(server, "/api/token", body)
    assert 400 <= answer.status < 500
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_json_is_refused(server: WebServer, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = fetch(server, "/api/token", method="POST", headers=headers, body=body)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "bad_json"


def test_a_form_of_another_site_is_refused(server: WebServer) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = fetch(server, "/api/token", method="POST", headers=headers, body=b"room=a")
    assert answer.status == 415


def test_names_of_all_scripts_are_welcome() -> None:
    for name in ("李小龍", "Ἀθηνᾶ", "محمد", "Łukasz", "👩\u200d🚀", "O'Brien-Smith, Jr."):
        assert valid_name(f"  {name}\n") == name
    assert valid_room("Büro 3.1_b-c") == "Büro 3.1_b-c"
    assert valid_room("   ") is None
    assert valid_name(None) is None
    with pytest.raises(ApiError):
        valid_room("a?b")


def test_new_rooms_pass_their_own_check() -> None:
    assert valid_room(new_room_name()) is not None


def test_tokens_can_be_left_to_an_identity_service() -> None:
    livekit = LiveKitCredentials(URL, "key", SECRET)
    server = web_server(livekit, AgentStatus, port=0, tokens=False)
    server.start()
    try:
        answer = post(server, "/api/token", {})
        assert answer.status == 403
        assert answer.json()["error"]["code"] == "tokens_off"
        assert fetch(server, "/api/config").json()["tokens"] is False
    finally:
        server.stop()
