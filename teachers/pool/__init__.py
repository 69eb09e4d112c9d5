"""The pool: several teachers behind one name."""
