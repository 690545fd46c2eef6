//! Servers that do what no server should, on real sockets: each is told apart from the others, none
//! is waited for beyond its patience, and none spoils the wire for what comes after.

#[path = "broken_servers/bodies.rs"]
mod bodies;
#[path = "broken_servers/connections.rs"]
mod connections;
#[path = "broken_servers/heads.rs"]
mod heads;
#[path = "broken_servers/patience.rs"]
mod patience;
#[path = "broken_servers/server.rs"]
mod server;
