from shop.reminders import next_reminder
from shop.records import Reminder
from tests.moments import ago, ahead


def test_the_next_reminder_is_the_earliest_to_come():
    soon, later = ahead(hours=1), ahead(days=2)
    assert next_reminder([Reminder("b", later), Reminder("a", soon), Reminder("z", ago(days=1))]) == soon


def test_nothing_to_come():
    assert next_reminder([Reminder("z", ago(days=1))]) is None
