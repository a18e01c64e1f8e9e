"""`python -m footfall` is the command line."""

from footfall.cli import main

main()
