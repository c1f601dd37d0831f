//! Records how long requests take, in a histogram for each class of status.

mod filter;
mod histograms;
