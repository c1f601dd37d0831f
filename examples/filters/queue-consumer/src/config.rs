//! The plugin's configuration.

use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub queue: String,
}

impl Config {
    /// Reads `{"queue": "requests"}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give {"queue": …}"#.into());
        }
        let config: Config = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if config.queue.is_empty() {
            return Err("queue is empty".into());
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{").contains("EOF"));
        assert!(problem("{}").contains("missing field `queue`"));
        assert!(problem(r#"{"queue":""}"#).contains("queue is empty"));
        assert!(problem(r#"{"queue":"q","vmId":"a"}"#).contains("unknown field `vmId`"));
    }
}
