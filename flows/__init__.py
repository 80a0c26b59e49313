"""The shell: Prefect flows, settings, files and the command line. Research use only."""
