"""Everything that talks to a backup cloud: logins, HTTP, and one file per API."""
