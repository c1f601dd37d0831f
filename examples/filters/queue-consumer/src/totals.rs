//! How many records there were, by method.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// Methods with a counter of their own. The others share one: clients make them up.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Ids of the counters.
pub struct Totals {
    all: u32,
    by_method: [u32; METHODS.len()],
    other_methods: u32,
}

impl Totals {
    /// Defines `requests_total`, `requests_total_method_GET` and so on, which begin at 0.
    pub fn define() -> Totals {
        Totals {
            all: counter("requests_total"),
            by_method: METHODS.map(|method| counter(&format!("requests_total_method_{method}"))),
            other_methods: counter("requests_total_method_other"),
        }
    }

    /// Counts one record, `METHOD path`.
    pub fn count(&self, record: &[u8]) {
        let of_method = match known_method(record) {
            Some(index) => self.by_method[index],
            None => self.other_methods,
        };
        for counter in [self.all, of_method] {
            hostcalls::increment_metric(counter, 1).unwrap();
        }
    }
}

fn counter(name: &str) -> u32 {
    hostcalls::define_metric(MetricType::Counter, name).unwrap()
}

fn known_method(record: &[u8]) -> Option<usize> {
    let method = record.split(|&byte| byte == b' ').next()?;
    METHODS.iter().position(|known| known.as_bytes() == method)
}

#[cfg(test)]
mod tests {
    use super::{known_method, METHODS};

    #[test]
    fn a_record_begins_with_its_method() {
        for (index, method) in METHODS.iter().enumerate() {
            assert_eq!(known_method(format!("{method} /a b").as_bytes()), Some(index));
        }
        for record in ["", " ", "GETS /", "get /", "MADE-UP /"] {
            assert_eq!(known_method(record.as_bytes()), None, "{record}");
        }
    }
}
