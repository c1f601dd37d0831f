//! External authorisation: asks a service about each request, by HTTP.

mod answer;
mod config;
mod filter;
mod question;
