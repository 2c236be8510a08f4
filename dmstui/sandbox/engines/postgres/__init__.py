"""PostgreSQL: the server's life (server, template, parameters, roles) and, for the flow, its source side."""
