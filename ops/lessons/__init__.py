"""Publishing lessons: local checks, the way to the store, the upload, the packaging Job, removal."""
