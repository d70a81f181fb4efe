"""Reviewer: applies a Coder's diff to a fresh copy, runs the tests, asks the model for its judgement, and merges or returns.

Only work that passes both reaches the repository, once for each task, however often a review is repeated.
"""

from __future__ import annotations

import subprocess

from command import Settings, main
from model import Model, json_value, section
from workbench import Job, WorkCopy, merge

from swarm_sdk import Agent, TaskRejected, TaskRun

SYSTEM = (
    "You are the Reviewer of a software team. You get a task, the team's house rules and a diff that passes the tests. "
    'Answer with JSON: {"verdict": "accept"} or {"verdict": "return", "comment": "what is wrong, in one sentence"}. '
    "Return it when it breaks a house rule or does something else than the task says."
)


class Reviewer(Agent):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.name, capabilities=["*"], **settings.sdk)
        self.model = Model(settings.model)
        self.copy = settings.workspace / settings.name

    def work(self, task: TaskRun) -> str:
        job, diff = Job.read(task.context), task.previous_artifact
        copy = WorkCopy(job.repository, self.copy)
        try:
            copy.apply(diff)
        except subprocess.CalledProcessError as error:
            raise TaskRejected(f"the diff does not apply: {error.stderr.strip()}") from None
        tests = copy.test(job.test)
        if not tests.passed:
            raise TaskRejected(tests.summary)
        prompt = task.description + section("house-rules", copy.read("CONTRIBUTING.md")) + section("diff", diff)
        judgement = json_value(self.model.ask(task, SYSTEM, prompt))
        if judgement.get("verdict") != "accept":
            raise TaskRejected(str(judgement.get("comment", "returned without a comment")))
        merge(job.repository, diff, task.task_id, task.description)
        return diff


if __name__ == "__main__":
    main("Reviewer", __doc__, Reviewer)
