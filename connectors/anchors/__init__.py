"""Asking outside parties to commit to a checkpoint note: one module for each kind of target.

What a receipt proves is decided in ``chain.anchors``; when to ask, how often and what a silence means, in
``actors.anchoring``. Nothing here retries.
"""
