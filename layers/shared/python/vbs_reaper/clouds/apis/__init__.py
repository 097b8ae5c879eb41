"""One file per API of a backup service, behind one interface. `registry` chooses the API of a target."""
