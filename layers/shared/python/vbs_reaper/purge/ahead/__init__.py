"""Looking ahead and back: later runs, what a full backup would free, how far back one can go."""
