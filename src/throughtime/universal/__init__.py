"""Networks as computers: Turing machines and finite automata compiled into weights."""

from throughtime.universal.automaton import Reader as Reader
from throughtime.universal.automaton import compile_automaton as compile_automaton
from throughtime.universal.block_tape import BlockTape as BlockTape
from throughtime.universal.compile import compile_machine as compile_machine
from throughtime.universal.computer import Computer as Computer
from throughtime.universal.computer import Outcome as Outcome
from throughtime.universal.equations import Blocks as Blocks
from throughtime.universal.equations import Equations as Equations
from throughtime.universal.equations import equations as equations
from throughtime.universal.machine import Automaton as Automaton
from throughtime.universal.machine import Configuration as Configuration
from throughtime.universal.machine import Machine as Machine
from throughtime.universal.precision import capacity as capacity
from throughtime.universal.precision import guard_bits as guard_bits
from throughtime.universal.toml_file import read_machine as read_machine
from throughtime.universal.toml_file import shipped as shipped
