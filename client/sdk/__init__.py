"""ControlService from Python. It knows no command line."""
