//! Takes records of requests from a shared queue, and counts them.

mod config;
mod filter;
mod totals;
