"""What is drawn: a cell's equations, its network."""

from throughtime.report.drawing import folded as folded
from throughtime.report.drawing import unrolled as unrolled
from throughtime.report.equations import latex as latex
from throughtime.report.equations import mathml as mathml
