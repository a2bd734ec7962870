"""`python -m app.cli`: the same as `suya`, for processes that start others."""

from app.cli import main

# Where processes are spawned and not forked, a child imports this module again to find its work.
if __name__ == "__main__":
    main()
