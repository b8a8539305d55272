"""``python -m apeitool`` is the command line."""

from apeitool.cli import main

if __name__ == "__main__":
    main()
