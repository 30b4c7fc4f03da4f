"""Ways to run a program over time; see `call.py` for what every engine is given and returns."""

from throughtime.engines.call import Call as Call
from throughtime.engines.call import Gradients as Gradients
from throughtime.engines.call import Packed as Packed
from throughtime.engines.call import Result as Result
from throughtime.engines.call import SeparateParameters as SeparateParameters
from throughtime.engines.choose import run as run
from throughtime.engines.cpu.loops import listing as listing
from throughtime.engines.cpu.native import describe as describe
from throughtime.engines.cpu.native import release_memory as release_memory
from throughtime.engines.engine import Engine as Engine
from throughtime.engines.registry import ENGINES as ENGINES
