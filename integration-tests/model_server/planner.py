"""Product Manager: one task for each test file that fails."""

from __future__ import annotations

import json
import re

from sections import section


def plan(prompt: str) -> str:
    failing = section(prompt, "failing")
    files = section(prompt, "files")
    known = (files.text if files else "").split()
    tasks = []
    for test in dict.fromkeys(re.findall(r"(\S*test_\w+\.py)", failing.text if failing else "")):
        subject = re.search(r"test_(\w+)\.py$", test).group(1)
        module = next((f for f in known if f.endswith(f"/{subject}.py") and "test" not in f), None)
        if module is not None:
            tasks.append({"title": f"Write what is missing in {module} so that {test} passes", "module": module,
                          "test": test})
    return json.dumps(tasks, indent=1)
