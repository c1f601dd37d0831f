//! The plugin's configuration.

use std::time::Duration;

use serde::Deserialize;

/// What no configuration may send on: the host makes these, or they are about one connection.
const NEVER_SENT: [&str; 7] =
    ["connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"];

#[derive(Debug)]
pub struct Config {
    pub upstream: String,
    pub authority: Option<String>,
    pub path_prefix: String,
    /// Request headers that the service is told, lower-case.
    pub headers: Vec<String>,
    pub timeout: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    upstream: String,
    authority: Option<String>,
    #[serde(default)]
    path_prefix: String,
    #[serde(default = "default_headers")]
    headers: Vec<String>,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: u32,
}

fn default_headers() -> Vec<String> {
    vec!["authorization".to_string(), "cookie".to_string()]
}

fn default_timeout_ms() -> u32 {
    1000
}

impl Config {
    /// Reads `{"upstream": "authz", "headers": ["authorization"], …}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give at least {"upstream": …}"#.into());
        }
        let fields: Fields = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if fields.upstream.is_empty() {
            return Err("upstream is empty".into());
        }
        if !fields.path_prefix.is_empty() && !is_plain_path(&fields.path_prefix) {
            return Err("pathPrefix is not a plain path that begins with a slash".into());
        }
        if fields.timeout_ms == 0 || fields.timeout_ms > i32::MAX as u32 {
            return Err("timeoutMs is not from 1 to 2147483647".into());
        }
        Ok(Config {
            upstream: fields.upstream,
            authority: fields.authority,
            path_prefix: fields.path_prefix.trim_end_matches('/').to_string(),
            headers: header_names(&fields.headers)?,
            timeout: Duration::from_millis(fields.timeout_ms.into()),
        })
    }
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?')
}

fn header_names(names: &[String]) -> Result<Vec<String>, String> {
    names
        .iter()
        .map(|name| {
            let lower = name.to_ascii_lowercase();
            let valid = !lower.is_empty()
                && lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if valid && !NEVER_SENT.contains(&lower.as_str()) {
                Ok(lower)
            } else {
                Err(format!("headers: {name:?} can not be sent to the service"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn has_defaults() {
        let config = Config::parse(br#"{"upstream":"authz"}"#).unwrap();
        assert_eq!(config.headers, ["authorization", "cookie"]);
        assert_eq!(config.timeout, Duration::from_secs(1));
        assert_eq!((config.path_prefix.as_str(), config.authority), ("", None));
    }

    #[test]
    fn names_are_lower_case_and_a_prefix_has_no_slash_at_its_end() {
        let config =
            Config::parse(br#"{"upstream":"a","pathPrefix":"/check/","headers":["X-Key"]}"#)
                .unwrap();
        assert_eq!((config.path_prefix.as_str(), config.headers[0].as_str()), ("/check", "x-key"));
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{").contains("EOF"));
        assert!(problem("{}").contains("missing field `upstream`"));
        assert!(problem(r#"{"upstream":""}"#).contains("upstream is empty"));
        assert!(problem(r#"{"upstream":"a","x":1}"#).contains("unknown field `x`"));
        assert!(problem(r#"{"upstream":"a","pathPrefix":"x"}"#).contains("pathPrefix"));
        assert!(problem(r#"{"upstream":"a","pathPrefix":"/a?b"}"#).contains("pathPrefix"));
        assert!(problem(r#"{"upstream":"a","timeoutMs":0}"#).contains("timeoutMs"));
        for name in ["", ":path", "a b", "Host", "content-length"] {
            let text = format!(r#"{{"upstream":"a","headers":["{name}"]}}"#);
            assert!(problem(&text).contains("headers"), "{name}");
        }
    }
}
