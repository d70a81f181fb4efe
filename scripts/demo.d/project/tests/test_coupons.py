from shop.coupons import is_expired
from shop.records import Coupon
from tests.moments import ago, ahead


def test_a_coupon_of_yesterday_is_expired():
    assert is_expired(Coupon("SPRING", ago(days=1)))


def test_a_coupon_for_tomorrow_is_not():
    assert not is_expired(Coupon("SUMMER", ahead(days=1)))
