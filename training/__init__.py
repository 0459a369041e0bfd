"""How models are fitted, judged, calibrated and loaded. torch only in `training.network`; nothing here needs it."""
