"""The questions: entity, target, horizon, population; the catalogue of them."""

from footfall.tasks.catalogue import CATALOGUE, find_task, tasks_from_toml
from footfall.tasks.compile import TaskColumns, answer_query, task_columns
from footfall.tasks.expression import parse_expression
from footfall.tasks.task import Kind, Task

__all__ = [
    "CATALOGUE",
    "Kind",
    "Task",
    "TaskColumns",
    "answer_query",
    "find_task",
    "parse_expression",
    "task_columns",
    "tasks_from_toml",
]
