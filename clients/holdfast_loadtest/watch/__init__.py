"""Measures the watch: many watchers beside a flash sale, one watcher of a whole catalogue, and what a change costs."""
