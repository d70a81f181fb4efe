from shop.carts import abandoned
from shop.records import Cart
from tests.moments import ago


def test_a_cart_is_abandoned_after_two_hours():
    old = Cart("ann", ago(hours=3))
    assert abandoned([old, Cart("bob", ago(minutes=20))]) == [old]
