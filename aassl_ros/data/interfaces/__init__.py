"""The topics and JSON messages of aassl_ros: names, types, schemas, and the page docs/topics.md."""
