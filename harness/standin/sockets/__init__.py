"""The two WebSockets of a session: `/ws/action/:id` and `/ws/cdp/:id`."""
