"""What is drawn: a cell's equations, its network."""

from throughtime.report.equations import latex as latex
from throughtime.report.equations import mathml as mathml
