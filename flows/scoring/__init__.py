"""The main job: from what lies in a source to scores in the database."""
