"""Commands, one module each: `ACTIONS` names its dataclasses, or `main(args)` does all of it."""
