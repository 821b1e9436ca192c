"""What can be shown on a terminal, and how: its width and colours, its signs, texts made harmless, numbers in words."""
