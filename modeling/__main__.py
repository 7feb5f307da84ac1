"""`python -m modeling`: see `modeling.cli.app`."""

from modeling.cli.app import main

if __name__ == "__main__":
    main()
