"""Training a model to a run folder that can be trusted: repeated, resumed, evaluated, used."""

from throughtime.training.advice import try_next as try_next
from throughtime.training.encoder import Encoder as Encoder
from throughtime.training.encoders import encoder_for as encoder_for
from throughtime.training.evaluate import Tested as Tested
from throughtime.training.evaluate import evaluate as evaluate
from throughtime.training.evaluate import predict as predict
from throughtime.training.evaluate import tested as tested
from throughtime.training.fit import Progress as Progress
from throughtime.training.fit import fit as fit
from throughtime.training.model import Model as Model
from throughtime.training.model import Output as Output
from throughtime.training.options import Options as Options
from throughtime.training.run import Run as Run
from throughtime.training.run import equations as equations
from throughtime.training.run import load as load
