"""HTTP/1.1 over plain sockets in gevent's loop, at the lowest cost per attempt."""
