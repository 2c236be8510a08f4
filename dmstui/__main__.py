"""`python -m dmstui` is the `dmstui` command."""

from dmstui.cli import main

if __name__ == "__main__":
    main()
