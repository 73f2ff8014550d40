"""What a trial of one provider against another came to, and what may be concluded from it."""
