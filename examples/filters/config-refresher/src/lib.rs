//! Fetches what is done with requests from a service, again and again.

mod answer;
mod config;
mod filter;
mod rules;
