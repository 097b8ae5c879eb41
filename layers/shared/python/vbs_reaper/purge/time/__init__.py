"""Time by the calendar of a zone: durations, days, weeks."""
