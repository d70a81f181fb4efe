"""Python SDK of the swarm: agents, tasks, failures, budgets.

    from swarm_sdk import Agent, NewTask, OrchestratorClient, TaskRun

See README.md for a tour and examples/ for whole agents.
"""

from .agent import Agent, TaskRun
from .aio import AsyncAnalystClient, AsyncBudgetClient, AsyncOrchestratorClient
from .async_agent import AsyncAgent, AsyncTaskRun
from .attempts import AgentEvent
from .capability import SPEND, SUBMIT, narrow
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
    Hold,
    HoldKind,
    MissedFirings,
    NewSchedule,
    NewTask,
    Obstacle,
    Overlap,
    Redriven,
    RuleEvent,
    Schedule,
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
    "Hold",
    "HoldKind",
    "InvalidArgument",
    "LeaseLost",
    "MissedFirings",
    "NewSchedule",
    "NewTask",
    "NotFound",
    "Obstacle",
    "OrchestratorClient",
    "Overlap",
    "PermissionDenied",
    "Redriven",
    "RenewingToken",
    "ResourceExhausted",
    "RuleEvent",
    "SPEND",
    "SUBMIT",
    "Schedule",
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
    "narrow",
]
__version__ = "0.1.0"
