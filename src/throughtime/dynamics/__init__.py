"""Recurrent networks as dynamical systems: numbers, nothing drawn or printed."""

from throughtime.dynamics.basins import Basins as Basins
from throughtime.dynamics.basins import basins as basins
from throughtime.dynamics.bifurcation import Bifurcation as Bifurcation
from throughtime.dynamics.continuation import Branch as Branch
from throughtime.dynamics.continuation import continuation as continuation
from throughtime.dynamics.exponents import Lyapunov as Lyapunov
from throughtime.dynamics.families import along_input as along_input
from throughtime.dynamics.families import along_weights as along_weights
from throughtime.dynamics.fixed_points import FixedPoints as FixedPoints
from throughtime.dynamics.fixed_points import Search as Search
from throughtime.dynamics.fixed_points import fixed_points as fixed_points
from throughtime.dynamics.flow import Flow as Flow
from throughtime.dynamics.flow import flow as flow
from throughtime.dynamics.linearisation import Linearisation as Linearisation
from throughtime.dynamics.lyapunov import lyapunov_spectrum as lyapunov_spectrum
from throughtime.dynamics.map import Map as Map
from throughtime.dynamics.map import Power as Power
from throughtime.dynamics.plane import Plane as Plane
from throughtime.dynamics.plane import plane as plane
from throughtime.dynamics.point import Point as Point
from throughtime.dynamics.principal import Principal as Principal
from throughtime.dynamics.principal import principal as principal
from throughtime.dynamics.state_map import StateMap as StateMap
from throughtime.dynamics.state_map import UnderInput as UnderInput
from throughtime.dynamics.visited import run_each as run_each
from throughtime.dynamics.visited import visited as visited
