"""The warehouse gateway: ClickHouse's HTTP interface over an engine that no client reaches itself."""
