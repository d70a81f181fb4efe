from shop.passwords import must_change
from shop.records import Account
from tests.moments import ago


def test_an_old_password_must_be_changed():
    assert must_change(Account("ann", ago(days=91)))


def test_a_young_one_may_stay():
    assert not must_change(Account("bob", ago(days=89)))
