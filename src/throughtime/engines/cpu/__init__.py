"""The CPU engine: the loop over time in C++, what lies around it in torch."""
