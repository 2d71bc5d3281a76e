"""`python -m ticker` is `ticker`."""

from ticker.cli import main

if __name__ == "__main__":
    main()
