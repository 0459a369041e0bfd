"""`python -m serve.cli` is `pcg`, for where the package is not installed."""

from serve.cli import main

if __name__ == "__main__":
    main()
