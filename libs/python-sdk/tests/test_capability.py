from __future__ import annotations

import hashlib
import hmac
import time

import pytest

import swarm_sdk as sdk

TOKEN = "st1.4102444800.Ymx1ZQ." + "A" * 43  # the orchestrator signs; here only the shape counts


def test_each_limit_is_signed_with_the_signature_before_it() -> None:
    narrowed = sdk.narrow(TOKEN, rights=[sdk.SPEND])
    head, limit, signature = narrowed.rsplit(".", 2)
    assert head == "st1.4102444800.Ymx1ZQ" and limit == "rc3BlbmQ"
    digest = hmac.new(b"\0" * 32, limit.encode(), hashlib.sha256).digest()
    assert signature == sdk.capability._encode(digest)
    assert sdk.narrow(TOKEN) == TOKEN
    assert sdk.narrow(narrowed, expires_in=60).split(".")[3] == limit
    assert abs(int(sdk.narrow(TOKEN, expires_in=60).split(".")[3][1:]) - time.time() - 60) < 5


@pytest.mark.parametrize("bad", ["", "st1", "st2.1.YQ.AAAA", "st1.1.YQ", "st1.1.YQ.!!"])
def test_what_is_no_token_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="no task token"):
        sdk.narrow(bad, rights=[])


def test_there_is_an_end_to_limits() -> None:
    token = TOKEN
    for _ in range(16):
        token = sdk.narrow(token, expires_in=1)
    with pytest.raises(ValueError, match="too many"):
        sdk.narrow(token, expires_in=1)
