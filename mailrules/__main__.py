"""``python -m mailrules``: the command line without the installed script."""

from mailrules.cli.main import main

if __name__ == "__main__":
    main(prog_name="mailrules")
