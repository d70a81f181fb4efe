"""Adds up JUnit reports of ctest and pytest into the line "N passed, N failed, N skipped", after the reasons of what was skipped.

ctest reports one case per program; where the program is a Catch2 one, its own count of test cases is used.
"""
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter

CATCH_ALL = re.compile(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)")
CATCH_SOME = re.compile(r"^test cases:\s+(\d+)(?:\s+\|\s+(\d+) passed)?(?:\s+\|\s+(\d+) failed)?", re.MULTILINE)


def count_case(case: ET.Element) -> tuple[int, int, int]:
    """(passed, failed, skipped) of one <testcase>."""
    if case.find("skipped") is not None:
        return 0, 0, 1
    bad = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
    output = case.findtext("system-out") or ""
    if not bad and (match := CATCH_ALL.search(output)):
        return int(match[1]), 0, 0
    if bad and (match := CATCH_SOME.search(output)):
        return int(match[2] or 0), int(match[3] or 1), 0
    return (0, 1, 0) if bad else (1, 0, 0)


def reason(skipped: ET.Element) -> str:
    return (skipped.get("message") or skipped.text or "no reason given").strip().splitlines()[0]


def main(paths: list[str]) -> None:
    totals = [0, 0, 0]
    reasons: Counter[str] = Counter()
    for path in paths:
        for case in ET.parse(path).getroot().iter("testcase"):
            for i, n in enumerate(count_case(case)):
                totals[i] += n
            if (skipped := case.find("skipped")) is not None:
                reasons[reason(skipped)] += 1
    if reasons:
        print("skipped tests:")
        for text, n in reasons.most_common():
            print(f"  {n} × {text}")
    print("{} passed, {} failed, {} skipped".format(*totals))


if __name__ == "__main__":
    main(sys.argv[1:])
