import base64
import json

import pytest

from exporter.simulator.tokens import TokenIssuer

NOW = 1_700_000_000.0
DAY = 86_400


def claims(token: str) -> dict[str, int]:
    body = token.split(".")[1]
    decoded: dict[str, int] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return decoded


def test_a_token_is_a_jwt_that_lives_ninety_days() -> None:
    token = TokenIssuer(1, NOW).token

    assert len(token.split(".")) == 3
    assert claims(token)["exp"] == NOW + 90 * DAY


def test_a_token_is_accepted_after_the_word_bearer_until_it_expires() -> None:
    issuer = TokenIssuer(1, NOW)

    assert issuer.accepts(f"Bearer {issuer.token}", NOW)
    assert issuer.accepts(f"Bearer {issuer.token}", NOW + 89 * DAY)
    assert not issuer.accepts(f"Bearer {issuer.token}", NOW + 90 * DAY)


@pytest.mark.parametrize(
    "credentials", ["", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer \u0917.b.\u0917", "Bearer a.b"]
)
def test_an_invalid_token_is_refused(credentials: str) -> None:
    assert not TokenIssuer(1, NOW).accepts(credentials, NOW)


def test_a_token_without_the_word_bearer_is_refused() -> None:
    issuer = TokenIssuer(1, NOW)

    assert not issuer.accepts(issuer.token, NOW)


def test_a_token_of_another_key_is_refused() -> None:
    assert not TokenIssuer(1, NOW).accepts(f"Bearer {TokenIssuer(2, NOW).token}", NOW)


def test_claims_that_were_altered_are_refused() -> None:
    issuer = TokenIssuer(1, NOW)
    header, _, signature = issuer.token.split(".")
    longer = base64.urlsafe_b64encode(json.dumps({"exp": 9e9, "serial": 1}).encode()).decode().rstrip("=")

    assert not issuer.accepts(f"Bearer {header}.{longer}.{signature}", NOW)


def test_the_same_seed_accepts_tokens_of_an_earlier_run() -> None:
    assert TokenIssuer(1, NOW + DAY).accepts(f"Bearer {TokenIssuer(1, NOW).token}", NOW + DAY)


def test_a_rotation_invalidates_the_old_token() -> None:
    issuer = TokenIssuer(1, NOW)
    old = issuer.token

    issuer.rotate(NOW)

    assert not issuer.accepts(f"Bearer {old}", NOW)
    assert issuer.accepts(f"Bearer {issuer.token}", NOW)


def test_an_issuer_that_accepts_no_token_refuses_its_own() -> None:
    issuer = TokenIssuer(1, NOW)

    issuer.accepting = False

    assert not issuer.accepts(f"Bearer {issuer.token}", NOW)
