"""What `huiju school` does, one file per task."""
