"""What networks are trained to say of sequences: tasks, their losses, scores and baselines."""

from throughtime.tasks.classify import Classify as Classify
from throughtime.tasks.confusion import precision_recall_f1 as precision_recall_f1
from throughtime.tasks.forecast import Forecast as Forecast
from throughtime.tasks.forecast_scores import ForecastScores as ForecastScores
from throughtime.tasks.quantiles import QuantileScores as QuantileScores
from throughtime.tasks.regress import Regress as Regress
from throughtime.tasks.scores import ClassScores as ClassScores
from throughtime.tasks.scores import Metric as Metric
from throughtime.tasks.scores import NumberScores as NumberScores
from throughtime.tasks.scores import Scores as Scores
from throughtime.tasks.scores import Table as Table
from throughtime.tasks.spans import SpanScores as SpanScores
from throughtime.tasks.tag import Tag as Tag
from throughtime.tasks.tag_scores import ClassTagScores as ClassTagScores
from throughtime.tasks.tag_scores import NumberTagScores as NumberTagScores
from throughtime.tasks.tag_scores import TagScores as TagScores
from throughtime.tasks.task import Task as Task
from throughtime.tasks.task import TrainingLoss as TrainingLoss

TASKS: dict[str, type[Task]] = {task.name: task for task in (Classify, Regress, Tag, Forecast)}
"""The tasks by the name that the configuration of a run has."""
