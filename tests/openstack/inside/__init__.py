"""Code that runs in the virtual environment of the servers, without the packages of this project."""
