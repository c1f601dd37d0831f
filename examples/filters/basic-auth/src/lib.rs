//! Basic authentication below a path prefix.

mod config;
mod credentials;
mod filter;
mod protected_path;
