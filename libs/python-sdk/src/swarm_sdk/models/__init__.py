"""What goes in and comes out, as plain immutable values. Field meanings are those of protos/*.proto."""

from .agents import AgentState, Assignment, HeartbeatAnswer, Lease, Polled, Registration, ResultAck
from .budgets import Spend, SpendEvent
from .failures import Analysis, Failure, FailureGroup, FailureGroups, GoldenRule, RuleEvent
from .reading import read
from .steering import Dispatch, Hold, HoldKind, MissedFirings, NewSchedule, Overlap, Schedule
from .tasks import (
    AgentVerdict,
    Artifact,
    Decision,
    Explanation,
    FailureClass,
    Feedback,
    NewTask,
    Obstacle,
    Redriven,
    Submitted,
    Task,
    TaskEvent,
    TaskStatus,
    Transition,
)

__all__ = [
    "AgentState",
    "AgentVerdict",
    "Analysis",
    "Artifact",
    "Assignment",
    "Decision",
    "Dispatch",
    "Explanation",
    "Failure",
    "FailureClass",
    "FailureGroup",
    "FailureGroups",
    "Feedback",
    "GoldenRule",
    "HeartbeatAnswer",
    "Hold",
    "HoldKind",
    "Lease",
    "MissedFirings",
    "NewSchedule",
    "NewTask",
    "Obstacle",
    "Overlap",
    "Polled",
    "Redriven",
    "Registration",
    "ResultAck",
    "RuleEvent",
    "Schedule",
    "Spend",
    "SpendEvent",
    "Submitted",
    "Task",
    "TaskEvent",
    "TaskStatus",
    "Transition",
    "read",
]
