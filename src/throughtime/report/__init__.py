"""One HTML file that says what a run learned, and how far back in time its gradients reach."""

from throughtime.report.compare import compare as compare
from throughtime.report.drawing import folded as folded
from throughtime.report.drawing import unrolled as unrolled
from throughtime.report.equations import latex as latex
from throughtime.report.equations import mathml as mathml
from throughtime.report.measure import measure as measure
from throughtime.report.of_data import classes as classes
from throughtime.report.of_data import lengths as lengths
from throughtime.report.of_data import sequences as sequences
from throughtime.report.of_diagnosis import diagnosis as diagnosis
from throughtime.report.of_results import confused as confused
from throughtime.report.of_results import confusion as confusion
from throughtime.report.of_results import learning_curves as learning_curves
from throughtime.report.of_time import at_input as at_input
from throughtime.report.of_time import gradient_by_lag as gradient_by_lag
from throughtime.report.of_time import initial_state as initial_state
from throughtime.report.of_time import over_time as over_time
from throughtime.report.of_time import replica_norms as replica_norms
from throughtime.report.of_time import saturation as saturation
from throughtime.report.one_run import keep as keep
from throughtime.report.one_run import kept as kept
from throughtime.report.one_run import report as report
from throughtime.report.one_run import write as write
