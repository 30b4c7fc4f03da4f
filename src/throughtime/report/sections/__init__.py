"""The sections of the report, a topic a module: what it measures, what it says, what it draws.

| module | topic |
|---|---|
| `result` | the metric of any task beside its baselines |
| `classify` | the result of a classifier, and why it did not learn |
| `data` | lengths, classes, constant channels, sequences |
| `learning` | the losses of all epochs |
| `confusion` | which classes are taken for which |
| `numbers` | predicted numbers over true ones, and their errors |
| `gradients`, with `moment`, `input_gradient`, `replicas` | how far back gradients reach |
| `gates` | how open the gates are, and how they move |
| `network` | how it is built, its equations, where states begin |
| `reproduce` | command, versions, data, options |
"""
