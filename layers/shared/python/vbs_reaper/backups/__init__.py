"""The shared vocabulary: backups, identifiers, answers of a backup service, holds. Values only, no I/O."""
