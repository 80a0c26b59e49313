"""`python -m flows` is `cxr-severity`."""

from flows.cli import main

if __name__ == "__main__":
    main()
