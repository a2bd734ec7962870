"""What can be wrong with a cluster, each in a sentence."""


class ClusterError(Exception):
    """The cluster cannot do that; the message is the sentence that the user sees."""
