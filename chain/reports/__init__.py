"""Making report packs: evidence of an audit window, reports over it, and everything a stranger needs to check both.

Verifying a pack is `chain.pack_check`, which needs nothing of this package.
"""
