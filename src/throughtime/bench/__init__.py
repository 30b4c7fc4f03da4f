"""Speed and memory beside other libraries, agreement checked first: `throughtime bench`."""

from throughtime.bench.shapes import CLASSES as CLASSES
from throughtime.bench.shapes import Shape as Shape
from throughtime.bench.shapes import random_shapes as random_shapes
from throughtime.bench.task import Task as Task
