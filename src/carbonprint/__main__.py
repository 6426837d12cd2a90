"""``python -m carbonprint``."""

from carbonprint.cli import main

if __name__ == "__main__":
    main()
