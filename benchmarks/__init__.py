"""What the program promises in numbers, measured side by side with what else there is."""
