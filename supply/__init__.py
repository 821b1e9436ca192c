"""What an image is made of, told about it from outside."""
