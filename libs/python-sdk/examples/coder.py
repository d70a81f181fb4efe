"""Coder: edits one file of a repository until its test passes, and hands over the diff.

The task's context is JSON: {"repository": "/path", "module": "shop/carts.py", "test": "tests/test_carts.py"}.
Real pytest judges. A failed test run goes to the analyst word for word.
"""

from __future__ import annotations

from dataclasses import replace

from command import Settings, main
from model import Model, code_block, section
from workbench import Job, WorkCopy

from swarm_sdk import Agent, Assignment, Failure, TaskFailed, TaskRun

SYSTEM = (
    "You are the Coder of a software team. You get a task and one Python file. Write what the file leaves out, as the "
    "docstrings say, and change nothing else. Answer with the whole new file in one ```python block."
)


class Coder(Agent):
    def __init__(self, settings: Settings) -> None:
        # A rule that this failure completes should be there before the next attempt: an analyst that restarts is waited for.
        super().__init__(settings.name, capabilities=["python"], report_wait=20.0, **settings.sdk)
        self.model = Model(settings.model)
        self.copy = settings.workspace / settings.name
        self.report_stack = settings.report_stack

    def work(self, task: TaskRun) -> str:
        job = Job.read(task.context)
        copy = WorkCopy(job.repository, self.copy)
        task.progress("asking the model")
        answer = self.model.ask(task, SYSTEM, self.prompt(task, job.module, copy.read(job.module)))
        copy.write(job.module, code_block(answer))
        task.progress("running the tests")
        tests = copy.test(job.test)
        if not tests.passed:
            raise TaskFailed(tests.summary, log=tests.output)
        return copy.diff()

    def prompt(self, task: TaskRun, module: str, source: str) -> str:
        prompt = task.description + section("file", source, path=module)
        if task.feedback:
            said = "\n".join(f"- {f.role}: {f.text}" for f in task.feedback if f.status == "failure")
            prompt += section("feedback", said)
        return prompt

    def describe_failure(self, assignment: Assignment, failure: TaskFailed) -> Failure:
        described = super().describe_failure(assignment, failure)
        return replace(described, stack=self.report_stack) if self.report_stack else described


if __name__ == "__main__":
    main("Coder", __doc__, Coder)
