"""What copying would have done with other settings: the journal's fills, through the code that decides."""
