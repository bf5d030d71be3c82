"""Records of calls: written down as they go on, kept in a folder, sent to a webhook."""
