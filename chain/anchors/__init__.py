"""Anchors: what a receipt proves of a checkpoint, checked without network.

Asking for receipts is in ``connectors.anchors``, deciding when in ``actors.anchoring``. Beyond the standard library
this package uses ``cryptography`` alone.
"""
