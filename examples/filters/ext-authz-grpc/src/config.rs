//! The plugin's configuration.

use std::time::Duration;

use serde::Deserialize;

#[derive(Debug)]
pub struct Config {
    pub upstream: String,
    pub timeout: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    upstream: String,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: u32,
}

fn default_timeout_ms() -> u32 {
    1000
}

impl Config {
    /// Reads `{"upstream": "authz", "timeoutMs": 500}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give at least {"upstream": …}"#.into());
        }
        let fields: Fields = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if fields.upstream.is_empty() {
            return Err("upstream is empty".into());
        }
        if fields.timeout_ms == 0 {
            return Err("timeoutMs is 0, which would be no limit".into());
        }
        let timeout = Duration::from_millis(fields.timeout_ms.into());
        Ok(Config { upstream: fields.upstream, timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn has_a_default() {
        let config = Config::parse(br#"{"upstream":"authz"}"#).unwrap();
        assert_eq!((config.upstream.as_str(), config.timeout), ("authz", Duration::from_secs(1)));
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{}").contains("missing field `upstream`"));
        assert!(problem(r#"{"upstream":""}"#).contains("upstream is empty"));
        assert!(problem(r#"{"upstream":"a","timeoutMs":0}"#).contains("timeoutMs"));
        assert!(problem(r#"{"upstream":"a","x":1}"#).contains("unknown field `x`"));
    }
}
