//! The plugin's configuration.

use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    pub queue: String,
    /// Whose queue: the vm id of the plugin that registers it. Empty: the own one.
    #[serde(default)]
    pub vm_id: String,
}

impl Config {
    /// Reads `{"queue": "requests", "vmId": "totals"}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give at least {"queue": …}"#.into());
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
    fn the_vm_id_may_be_left_out() {
        let config = Config::parse(br#"{"queue":"q"}"#).unwrap();
        assert_eq!((config.queue.as_str(), config.vm_id.as_str()), ("q", ""));
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{").contains("EOF"));
        assert!(problem("{}").contains("missing field `queue`"));
        assert!(problem(r#"{"queue":""}"#).contains("queue is empty"));
        assert!(problem(r#"{"queue":"q","vmId":1}"#).contains("expected a string"));
        assert!(problem(r#"{"queue":"q","vmID":"a"}"#).contains("unknown field `vmID`"));
    }
}
