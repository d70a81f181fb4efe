"""Product Manager: turns a request into tasks.

The task's description is the request; its context is JSON: {"repository": "/path", "max_attempts": 4}. The tests that
fail say what is missing; the model makes tasks of them; each becomes a task for a Coder, and then a Reviewer.
"""

from __future__ import annotations

import json

from command import Settings, main
from model import Model, json_value, section
from workbench import Job, WorkCopy

from swarm_sdk import Agent, NewTask, TaskFailed, TaskRun

SYSTEM = (
    "You are the Product Manager of a software team. You get a request, the files of a repository and its failing "
    'tests. Answer with a JSON list of small, independent tasks: [{"title": "…", "module": "path of the file to edit", '
    '"test": "path of the test file that must pass"}]. One task for each test file.'
)


class ProductManager(Agent):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.name, capabilities=["*"], **settings.sdk)
        self.model = Model(settings.model)
        self.copy = settings.workspace / settings.name

    def work(self, task: TaskRun) -> str:
        job = Job.read(task.context)
        copy = WorkCopy(job.repository, self.copy)
        tests = copy.test(traceback="no")
        if tests.passed:
            return "[]"
        prompt = (section("request", task.description) + section("files", "\n".join(copy.files()))
                  + section("failing", tests.output))
        planned = json_value(self.model.ask(task, SYSTEM, prompt))
        files = set(copy.files())
        if not planned or any({p["module"], p["test"]} - files for p in planned):
            raise TaskFailed("the plan is empty, or names files that are not there", log=json.dumps(planned))
        submitted = self.orchestrator.submit_many([self.child(task, job, p) for p in planned])
        return json.dumps([s.task_id for s in submitted])

    def child(self, task: TaskRun, job: Job, plan: dict[str, str]) -> NewTask:
        return NewTask(
            description=plan["title"],
            context=Job(job.repository, plan["module"], plan["test"]).context(),
            stack=task.assignment.stack,
            workflow_state="FeatureImplementation",
            until_state="CodeReview",
            max_attempts=job.max_attempts,
            parent_id=task.task_id,
            labels={"module": plan["module"]},
            # A second try of this task, after a crash say, must not order the same work again.
            idempotency_key=f"{task.task_id}/{plan['module']}",
        )


if __name__ == "__main__":
    main("ProductManager", __doc__, ProductManager)
