//! Puts a record of each request on a shared queue.

mod config;
mod filter;
mod queue;
