"""From tables to batches: ragged sequences, scaling, splits, data bundled and made."""

from throughtime.data.batches import Batch as Batch
from throughtime.data.batches import Batches as Batches
from throughtime.data.batches import BatchSource as BatchSource
from throughtime.data.batches import collate as collate
from throughtime.data.categories import restrict_categories as restrict_categories
from throughtime.data.datasets import japanese_vowels as japanese_vowels
from throughtime.data.kinds import Kind as Kind
from throughtime.data.kinds import kinds as kinds
from throughtime.data.look import Look as Look
from throughtime.data.look import look as look
from throughtime.data.made import MADE as MADE
from throughtime.data.made import context_integration as context_integration
from throughtime.data.made import delayed_match as delayed_match
from throughtime.data.made import flip_flop as flip_flop
from throughtime.data.made import sine as sine
from throughtime.data.scaling import Scaler as Scaler
from throughtime.data.sequences import Sequences as Sequences
from throughtime.data.split import split as split
from throughtime.data.streams import Streams as Streams
from throughtime.data.streams import Window as Window
from throughtime.data.table import read_table as read_table
from throughtime.data.target import Target as Target
