"""Python SDK of the swarm: agents, tasks, failures, budgets.

    from swarm_sdk import Agent, NewTask, OrchestratorClient, TaskRun

See README.md for a tour and examples/ for whole agents.
"""

from .agent import Agent, AgentEvent, TaskRun
from .aio import AsyncAnalystClient, AsyncBudgetClient, AsyncOrchestratorClient
from .async_agent import AsyncAgent, AsyncTaskRun
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
    Analysis,
    Assignment,
    Dispatch,
    Failure,
    FailureClass,
    FailureGroup,
    FailureGroups,
    Feedback,
    GoldenRule,
    NewTask,
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

__all__ = [name for name in dir() if name[0].isupper()]
__version__ = "0.1.0"
