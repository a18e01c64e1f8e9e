"""The command line: one verb per thing a person does, each a method of the same name on `Shop`."""

from footfall.cli import data, leaks, lists, questions, saved, when, whole
from footfall.cli.frame import app, main, options

__all__ = ["app", "data", "leaks", "lists", "main", "options", "questions", "saved", "when", "whole"]
