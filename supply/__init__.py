"""What an image is made of, told about it from outside: its labels, and its bill of materials."""
