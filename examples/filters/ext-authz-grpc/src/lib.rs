//! External authorisation: asks a service about each request, by gRPC, in Envoy's messages.

mod check_request;
mod check_response;
mod config;
mod filter;
mod protobuf;
