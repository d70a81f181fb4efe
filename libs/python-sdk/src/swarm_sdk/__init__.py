"""Python SDK of the swarm: agents, tasks, failures, budgets.

    from swarm_sdk import Agent, NewTask, OrchestratorClient, TaskRun

See README.md for a tour and examples/ for whole agents.
"""

from .agent import Agent, TaskRun
from .aio import AsyncAnalystClient, AsyncBudgetClient, AsyncOrchestratorClient
from .async_agent import AsyncAgent, AsyncTaskRun
from .attempts import AgentEvent
from .clients import AnalystClient, BudgetClient, OrchestratorClient
from .connection import ConnectionOptions
from .errors import (
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SwarmError,
    Unauthenticated,
    Unavailable,
)
from .failures import LeaseLost, TaskCancelled, TaskFailed, TaskRejected
from .models import (
    AgentState,
    AgentVerdict,
    Analysis,
    Assignment,
    Decision,
    Dispatch,
    Explanation,
    Failure,
    FailureClass,
    FailureGroup,
    FailureGroups,
    Feedback,
    GoldenRule,
    NewTask,
    Obstacle,
    Redriven,
    RuleEvent,
    Spend,
    SpendEvent,
    Submitted,
    Task,
    TaskEvent,
    TaskStatus,
    Transition,
)
from .retry import Backoff
from .tokens import RenewingToken

__all__ = [
    "Agent",
    "AgentEvent",
    "AgentState",
    "AgentVerdict",
    "AlreadyExists",
    "Analysis",
    "AnalystClient",
    "Assignment",
    "AsyncAgent",
    "AsyncAnalystClient",
    "AsyncBudgetClient",
    "AsyncOrchestratorClient",
    "AsyncTaskRun",
    "Backoff",
    "BudgetClient",
    "Cancelled",
    "ConnectionOptions",
    "DeadlineExceeded",
    "Decision",
    "Dispatch",
    "Explanation",
    "FailedPrecondition",
    "Failure",
    "FailureClass",
    "FailureGroup",
    "FailureGroups",
    "Feedback",
    "GoldenRule",
    "InvalidArgument",
    "LeaseLost",
    "NewTask",
    "NotFound",
    "Obstacle",
    "OrchestratorClient",
    "PermissionDenied",
    "Redriven",
    "RenewingToken",
    "ResourceExhausted",
    "RuleEvent",
    "Spend",
    "SpendEvent",
    "Submitted",
    "SwarmError",
    "Task",
    "TaskCancelled",
    "TaskEvent",
    "TaskFailed",
    "TaskRejected",
    "TaskRun",
    "TaskStatus",
    "Transition",
    "Unauthenticated",
    "Unavailable",
]
__version__ = "0.1.0"
