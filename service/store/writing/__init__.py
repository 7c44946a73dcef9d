"""The unit of work: the four ports of the flows, within one transaction."""
