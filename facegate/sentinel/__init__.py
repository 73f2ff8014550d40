"""The sentinel: notices that a provider's model changed, by asking about the same pictures again.

A vendor's model may change without a word, and then every threshold, calibration and trial is about
another product. :class:`~facegate.sentinel.sentinel.Sentinel` holds what a provider says of a fixed
set of pictures, the canaries, against what it said before. It looks in three layers: at the words
for the model itself, where there are any; at the answers, which a provider that was exact must
repeat; and where it was not, at whole rounds of them, see :mod:`facegate.sentinel.detect`.

::

    facegate sentinel pick      chooses canaries from a list of scores, near the threshold
    facegate sentinel baseline  asks them some times over: what is usual
    facegate sentinel run       asks them once more: from cron, by itself, or in the gateway
    facegate sentinel accept    goes on with a model that changed
"""
