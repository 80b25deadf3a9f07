"""The desk: exercises are handed out, checked and graded here."""
