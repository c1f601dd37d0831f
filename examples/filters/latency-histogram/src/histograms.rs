//! The histograms, one for each class of status.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const NONE: usize = CLASSES.len() - 1;

/// Ids of the histograms, in the order of the classes.
pub struct Histograms([u32; CLASSES.len()]);

impl Histograms {
    /// The class is a label that is part of the name, in the form that Istio's proxies know.
    pub fn define() -> Histograms {
        Histograms(CLASSES.map(|class| {
            let name = format!("status_class=.={class};.;request_duration_ms");
            hostcalls::define_metric(MetricType::Histogram, &name).unwrap()
        }))
    }

    /// `status`: None where there was no answer.
    pub fn record(&self, status: Option<u16>, duration: Duration) {
        let Histograms(ids) = self;
        hostcalls::record_metric(ids[class_of(status)], rounded_ms(duration)).unwrap();
    }
}

fn class_of(status: Option<u16>) -> usize {
    match status {
        Some(status @ 100..=599) => usize::from(status / 100) - 1,
        _ => NONE,
    }
}

/// Histograms take whole numbers.
fn rounded_ms(duration: Duration) -> u64 {
    ((duration.as_micros() + 500) / 1000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_a_class() {
        let class = |status| CLASSES[class_of(status)];
        assert_eq!([class(Some(100)), class(Some(204)), class(Some(599))], ["1xx", "2xx", "5xx"]);
        assert_eq!([class(None), class(Some(0)), class(Some(600))], ["none"; 3]);
    }

    #[test]
    fn durations_are_rounded_to_milliseconds() {
        let rounded = |us| rounded_ms(Duration::from_micros(us));
        assert_eq!([rounded(0), rounded(499), rounded(500), rounded(1499)], [0, 0, 1, 1]);
    }
}
