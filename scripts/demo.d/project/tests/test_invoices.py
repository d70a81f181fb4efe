from shop.invoices import overdue
from shop.records import Invoice
from tests.moments import ago, ahead


def test_only_what_is_due_is_overdue():
    late, later = Invoice(1, ago(days=3)), Invoice(2, ago(hours=1))
    assert overdue([late, Invoice(3, ahead(days=1)), later]) == [late, later]


def test_no_invoices_no_worries():
    assert overdue([]) == []
