from shop.logins import recent_failures
from shop.records import Login
from tests.moments import ago


def test_only_the_last_quarter_of_an_hour_counts():
    assert recent_failures([Login("ann", ago(minutes=m)) for m in (1, 14, 16, 60)]) == 2
