"""Who may come in: tokens, grants, and the check before a socket is accepted."""
