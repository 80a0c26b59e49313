"""`python -m flows` is `cxr-severity`."""

from flows.cli.app import main

if __name__ == "__main__":
    main()
