"""Parts of `huiju audit`: reading the record, anchors for its ends, runs of the platform, what evaluators are given."""
