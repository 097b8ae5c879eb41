"""Forecasts for a plan: deletions by later runs, what a full backup would free, and the restore points that remain."""
