"""vbs-reaper deletes volume backups of OpenStack clouds: the named one, proven, or not at all."""
