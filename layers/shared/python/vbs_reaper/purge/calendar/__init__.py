"""Durations and calendar periods (hours, days, weeks, months, years) in a time zone."""
