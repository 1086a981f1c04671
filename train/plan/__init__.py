"""Which models, at which depths, by which rules: ladders of up to three stages out of a pool, judged by
macro-F1, waits and computing. Run it with `python3 -m train.plan`.
"""
