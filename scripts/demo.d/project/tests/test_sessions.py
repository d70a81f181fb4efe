from shop.sessions import is_active
from shop.records import Session
from tests.moments import ago, ahead


def test_a_session_lasts_until_it_expires():
    assert is_active(Session("ann", ahead(minutes=5)))
    assert not is_active(Session("bob", ago(minutes=5)))
