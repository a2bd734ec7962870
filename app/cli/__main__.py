"""`python -m app.cli`: the same as `suya`, for processes that start others."""

from app.cli import main

main()
