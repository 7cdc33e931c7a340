"""The control API: service, server, reload, console, logs."""
