"""Whether sequences are the same as they were."""

import hashlib

from throughtime.data.sequences import Sequences


def fingerprint(sequences: Sequences) -> str:
    """SHA-256 over values, offsets, mask, targets and names: of channels, categories, classes."""
    digest = hashlib.sha256(repr((sequences.channels, sequences.classes)).encode())
    if sequences.categories:
        digest.update(repr(sequences.categories).encode())
    parts = [sequences.values, sequences.offsets]
    if sequences.labels is not None:
        parts.append(sequences.labels)
    if sequences.mask is not None:
        digest.update(b"mask")
        parts.append(sequences.mask)
    for name, target in sequences.targets.items():
        if target.values is not sequences.labels:
            digest.update(repr((name, target.classes, target.each_step)).encode())
            parts.append(target.values)
    for tensor in parts:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
