"""How gradients fare through time: numbers, nothing drawn or printed."""

from throughtime.diagnose.by_lag import ByLag as ByLag
from throughtime.diagnose.diagnosis import Diagnosis as Diagnosis
from throughtime.diagnose.diagnosis import diagnose as diagnose
from throughtime.diagnose.diagnosis import direct_by_lag as direct_by_lag
from throughtime.diagnose.follow import Follow as Follow
from throughtime.diagnose.follow import Row as Row
from throughtime.diagnose.gates import Gate as Gate
from throughtime.diagnose.gates import gates as gates
from throughtime.diagnose.gates import relu_cuts as relu_cuts
from throughtime.diagnose.gradient_flow import Flow as Flow
from throughtime.diagnose.gradient_flow import gradient_by_lag as gradient_by_lag
from throughtime.diagnose.jacobian import Spectra as Spectra
from throughtime.diagnose.jacobian import direct as direct
from throughtime.diagnose.jacobian import spectra as spectra
from throughtime.diagnose.jacobian import step_jacobian as step_jacobian
from throughtime.diagnose.passage import Passage as Passage
from throughtime.diagnose.passage import passages as passages
from throughtime.diagnose.product import log_singular_values as log_singular_values
from throughtime.diagnose.scalar import Replica as Replica
from throughtime.diagnose.scalar import Scalar as Scalar
from throughtime.diagnose.spectrum import Spectrum as Spectrum
from throughtime.diagnose.spectrum import log_norm as log_norm
from throughtime.diagnose.spectrum import spectrum_by_lag as spectrum_by_lag
