"""From labelled traffic to a bundle: tables, stages, calibration, thresholds, files.

Offline only. Features come from the serveflow binary, so training and serving
share one feature code. Run it with `python3 -m train`.
"""
