"""Estimators of chances and amounts: one file each, one contract; no SQL, no task, no shop."""

from footfall.models.calibration import Calibrator, ScaleCalibrator
from footfall.models.contract import Model, find_model, model_names

__all__ = ["Calibrator", "Model", "ScaleCalibrator", "find_model", "model_names"]
