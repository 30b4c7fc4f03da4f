"""Back-propagation through time: its modes, and the gradient of every replica of a weight."""

from throughtime.bptt.checkpointed import Checkpointed as Checkpointed
from throughtime.bptt.full import Full as Full
from throughtime.bptt.mode import Mode as Mode
from throughtime.bptt.mode import backward as backward
from throughtime.bptt.mode import check as check
from throughtime.bptt.mode import mode as mode
from throughtime.bptt.replicas import Replicas as Replicas
from throughtime.bptt.replicas import replicas as replicas
from throughtime.bptt.stream import stream as stream
from throughtime.bptt.truncated import Truncated as Truncated
from throughtime.bptt.watch import Ran as Ran
from throughtime.bptt.watch import watching as watching
