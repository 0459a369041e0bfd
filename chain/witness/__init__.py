"""A witness: it sees a log's checkpoints grow, keeps the newest, and cosigns what is consistent with it.

    python -m chain.witness --state DIR --listen 127.0.0.1:8500 --key FILE --name NAME --log VERIFIER_KEY

`decision` is the rule and `submission` its wire form, both without files, clock or network; `collection` is the other
side, a log that asks several witnesses. Source: C2SP tlog-witness, tlog-cosignature.
"""
