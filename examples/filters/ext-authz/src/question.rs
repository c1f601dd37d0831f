//! What the service is asked about a request.

use crate::config::Config;

/// The headers of the call, pseudo headers first.
#[derive(Debug, PartialEq)]
pub struct Question(Vec<(String, String)>);

impl Question {
    /// None where the request can not be put into words that the service would read as the app
    /// does: no method, path or authority, or text that is not UTF-8.
    pub fn about(request: &[(String, Vec<u8>)], config: &Config) -> Option<Question> {
        let first = |name: &str| {
            let (_, value) = request.iter().find(|(other, _)| other == name)?;
            String::from_utf8(value.clone()).ok()
        };
        let authority = match &config.authority {
            Some(authority) => authority.clone(),
            None => first(":authority")?,
        };
        let path = format!("{}{}", config.path_prefix, first(":path")?);
        let mut headers = vec![
            (":method".to_string(), first(":method")?),
            (":path".to_string(), path),
            (":authority".to_string(), authority),
        ];
        for (name, value) in request {
            if config.headers.contains(name) {
                headers.push((name.clone(), String::from_utf8(value.clone()).ok()?));
            }
        }
        Some(Question(headers))
    }

    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(entries: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
        entries.iter().map(|(name, value)| (name.to_string(), value.to_vec())).collect()
    }

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap()
    }

    const HEAD: [(&str, &[u8]); 3] =
        [(":method", b"PUT"), (":path", b"/a?b"), (":authority", b"app.test")];

    #[test]
    fn holds_the_head_and_the_chosen_headers_with_repeats() {
        let mut entries = HEAD.to_vec();
        entries.extend([("cookie", &b"a=1"[..]), ("x", b"2"), ("cookie", b"b=2")]);
        let question = Question::about(&request(&entries), &config(r#"{"upstream":"u"}"#)).unwrap();
        assert_eq!(
            question.headers(),
            [
                (":method", "PUT"),
                (":path", "/a?b"),
                (":authority", "app.test"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
            ]
        );
    }

    #[test]
    fn takes_prefix_and_authority_from_the_configuration() {
        let config = config(r#"{"upstream":"u","pathPrefix":"/check","authority":"z.test"}"#);
        let question = Question::about(&request(&HEAD), &config).unwrap();
        assert_eq!(question.headers()[1..], [(":path", "/check/a?b"), (":authority", "z.test")]);
    }

    #[test]
    fn is_none_where_something_is_missing_or_no_text() {
        let config = config(r#"{"upstream":"u"}"#);
        assert_eq!(Question::about(&request(&HEAD[1..]), &config), None);
        let mut entries = HEAD.to_vec();
        entries.push(("authorization", b"\xff"));
        assert_eq!(Question::about(&request(&entries), &config), None);
    }
}
