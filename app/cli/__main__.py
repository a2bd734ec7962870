"""`python -m app.cli`: the same as `suya`, for processes that start others."""

from app.cli import main

# A spawned process (not forked) imports this module again to find its work; it must not run it.
if __name__ == "__main__":
    main()
