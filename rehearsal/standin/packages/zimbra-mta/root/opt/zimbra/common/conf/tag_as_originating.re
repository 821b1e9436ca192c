# Mail of our own users would be sent to amavis here.
