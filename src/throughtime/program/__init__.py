"""A cell's equations as a small graph: traced, ordered into levels, differentiated, saved."""

from throughtime.program.adjoint import adjoint as adjoint
from throughtime.program.parameters import Balanced as Balanced
from throughtime.program.parameters import Chrono as Chrono
from throughtime.program.parameters import Constant as Constant
from throughtime.program.parameters import Identity as Identity
from throughtime.program.parameters import Negative as Negative
from throughtime.program.parameters import Orthogonal as Orthogonal
from throughtime.program.parameters import Parameter as Parameter
from throughtime.program.parameters import Range as Range
from throughtime.program.parameters import Uniform as Uniform
from throughtime.program.pointwise import ACTIVATIONS as ACTIVATIONS
from throughtime.program.program import Program as Program
from throughtime.program.schedule import schedule as schedule
from throughtime.program.show import assignments as assignments
from throughtime.program.symbol import Symbol as Symbol
from throughtime.program.trace import affine as affine
from throughtime.program.trace import mask as mask
from throughtime.program.trace import noise as noise
from throughtime.program.trace import parameter as parameter
from throughtime.program.trace import trace as trace
