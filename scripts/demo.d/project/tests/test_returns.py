from shop.returns import may_return
from shop.records import Order
from tests.moments import ago


def test_goods_may_be_returned_for_thirty_days():
    assert may_return(Order(1, ago(days=29)))
    assert not may_return(Order(2, ago(days=31)))
