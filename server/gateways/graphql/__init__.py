"""GraphQL: ``/graphql``, over HTTP and over WebSocket (graphql-transport-ws); see `door`.

What needs the GraphQL library is loaded with the first request: it takes a quarter of a second,
which neither a command nor the start of the server should wait for.
"""
