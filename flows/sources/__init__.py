"""Where films come from: drop folders and object stores."""
