"""How long to train, and how many steps to read as one, where a person does not say."""

UPDATES = 300  # steps of the optimiser that a small set gets
LEAST = 15  # epochs, of a set so large that fewer would do for `UPDATES`
LONGEST = 64  # steps of the recurrent layers that the longest sequence should have, about


def enough_epochs(sequences: int, batch_size: int) -> int:
    """Epochs that give about `UPDATES` steps of the optimiser, and `LEAST` at the least.

    A number of epochs does not suit both 30 sequences, one step an epoch, and 10,000.
    """
    batches = -(-sequences // batch_size)
    return max(LEAST, -(-UPDATES // batches))


def steps_at_once(longest: int) -> int:
    """How many steps to read as one, so that the longest sequence has `LONGEST` at the most."""
    return max(1, -(-longest // LONGEST))
