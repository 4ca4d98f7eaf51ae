"""Commands, one file each, named by its verb."""
