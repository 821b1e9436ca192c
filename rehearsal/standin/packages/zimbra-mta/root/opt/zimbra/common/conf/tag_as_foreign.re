# Mail of others would be sent to amavis here.
