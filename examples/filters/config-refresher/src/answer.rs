//! What the service has answered.

use crate::rules::Rules;

/// The rules of an answer with status 200; else why there are none.
///
/// `status`: None where there was no answer.
pub fn rules_of(status: Option<&[u8]>, body: &[u8]) -> Result<Rules, String> {
    match status {
        Some(b"200") => Rules::parse(body).map_err(|problem| format!("bad rules: {problem}")),
        Some(other) => Err(format!("status {}", String::from_utf8_lossy(other))),
        None => Err("no answer".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_with_rules_counts() {
        assert_eq!(rules_of(Some(b"200"), b"{}"), Ok(Rules::default()));
        assert!(rules_of(Some(b"200"), b"").unwrap_err().starts_with("bad rules: EOF"));
        assert_eq!(rules_of(Some(b"204"), b"{}").unwrap_err(), "status 204");
        assert_eq!(rules_of(None, b"{}").unwrap_err(), "no answer");
    }
}
