"""Starting, holding and ending processes of the operating system. It knows no account's life."""
