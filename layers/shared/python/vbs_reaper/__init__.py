"""vbs-reaper deletes volume backups in OpenStack clouds. `layers/README.md` explains the architecture."""
