"""The sandbox: a local AWS on loopback, reached by everything else of the program over HTTP only."""
