"""Pull request -> comments: the reviewer and its doors."""
