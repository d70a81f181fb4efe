from shop.offers import is_running
from shop.records import Offer
from tests.moments import ago, ahead


def test_an_offer_runs_from_its_start_to_its_end():
    assert is_running(Offer("shoes", ago(days=1), ahead(days=1)))
    assert not is_running(Offer("hats", ahead(days=1), ahead(days=2)))
    assert not is_running(Offer("gloves", ago(days=2), ago(days=1)))
