"""What Zimbra is: its releases, files, tools, messages and history. Facts and tools for all states; no steps."""
