//! The plugin's configuration: where the rules come from.

use std::time::Duration;

use serde::Deserialize;

use crate::rules::Rules;

#[derive(Debug)]
pub struct Config {
    pub upstream: String,
    pub authority: String,
    pub path: String,
    /// From one fetch to the next.
    pub interval: Duration,
    pub timeout: Duration,
    /// What holds until the first fetch has succeeded.
    pub initial: Rules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    upstream: String,
    authority: Option<String>,
    #[serde(default = "default_path")]
    path: String,
    #[serde(default = "default_interval_ms")]
    interval_ms: u32,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: u32,
    #[serde(default)]
    initial: Rules,
}

fn default_path() -> String {
    "/".to_string()
}

fn default_interval_ms() -> u32 {
    10_000
}

fn default_timeout_ms() -> u32 {
    1000
}

impl Config {
    /// Reads `{"upstream": "rules", "path": "/rules.json", "intervalMs": 10000, …}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give at least {"upstream": …}"#.into());
        }
        let fields: Fields = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if fields.upstream.is_empty() {
            return Err("upstream is empty".into());
        }
        let path = fields.path;
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("path is not a path that begins with a slash".into());
        }
        fields.initial.check().map_err(|problem| format!("initial: {problem}"))?;
        Ok(Config {
            authority: fields.authority.unwrap_or_else(|| fields.upstream.clone()),
            upstream: fields.upstream,
            path,
            interval: duration("intervalMs", fields.interval_ms)?,
            timeout: duration("timeoutMs", fields.timeout_ms)?,
            initial: fields.initial,
        })
    }
}

fn duration(name: &str, ms: u32) -> Result<Duration, String> {
    match ms {
        1..=0x7fff_ffff => Ok(Duration::from_millis(ms.into())),
        _ => Err(format!("{name} is not from 1 to 2147483647")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn has_defaults() {
        let config = Config::parse(br#"{"upstream":"rules"}"#).unwrap();
        assert_eq!((config.authority.as_str(), config.path.as_str()), ("rules", "/"));
        assert_eq!((config.interval.as_secs(), config.timeout.as_secs()), (10, 1));
        assert_eq!(config.initial, Rules::default());
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{").contains("EOF"));
        assert!(problem("{}").contains("missing field `upstream`"));
        assert!(problem(r#"{"upstream":""}"#).contains("upstream is empty"));
        assert!(problem(r#"{"upstream":"a","every":1}"#).contains("unknown field `every`"));
        assert!(problem(r#"{"upstream":"a","path":"x"}"#).contains("path is not"));
        assert!(problem(r#"{"upstream":"a","path":"/a b"}"#).contains("path is not"));
        assert!(problem(r#"{"upstream":"a","intervalMs":0}"#).contains("intervalMs"));
        assert!(problem(r#"{"upstream":"a","timeoutMs":3000000000}"#).contains("timeoutMs"));
        let initial = r#"{"upstream":"a","initial":{"requestHeaders":{"a b":""}}}"#;
        assert!(problem(initial).contains("initial: requestHeaders: \"a b\""));
    }
}
