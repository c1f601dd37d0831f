//! What the service's answer means.

/// Headers of a refusal that the client gets: what it needs to try again, or to understand.
const PASSED_ON: [&str; 7] = [
    "content-language",
    "content-type",
    "location",
    "proxy-authenticate",
    "retry-after",
    "set-cookie",
    "www-authenticate",
];

/// What the service says about the user, for the app. A client's own are never passed on.
pub const TOLD_PREFIX: &str = "x-auth-";

#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The request goes on, with these headers.
    Allowed(Vec<(String, Vec<u8>)>),
    /// The client gets this status and these headers, and the answer's body.
    Refused(u32, Vec<(String, String)>),
    /// There was no answer: nobody may pass.
    Unknown,
}

impl Verdict {
    pub fn of(answer: Vec<(String, Vec<u8>)>) -> Verdict {
        let status = answer
            .iter()
            .find(|(name, _)| name == ":status")
            .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<u32>().ok());
        match status {
            Some(200..=299) => Verdict::Allowed(
                answer.into_iter().filter(|(name, _)| name.starts_with(TOLD_PREFIX)).collect(),
            ),
            Some(status @ 300..=999) => Verdict::Refused(status, passed_on(answer)),
            _ => Verdict::Unknown,
        }
    }
}

fn passed_on(answer: Vec<(String, Vec<u8>)>) -> Vec<(String, String)> {
    answer
        .into_iter()
        .filter(|(name, _)| PASSED_ON.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name, String::from_utf8(value).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(entries: &[(&str, &str)]) -> Verdict {
        let answer =
            entries.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        Verdict::of(answer.collect())
    }

    #[test]
    fn success_lets_pass_with_what_is_told_of_the_user() {
        let entries = [(":status", "204"), ("x-auth-user", "ann"), ("set-cookie", "a=1")];
        let told = vec![("x-auth-user".to_string(), b"ann".to_vec())];
        assert_eq!(verdict(&entries), Verdict::Allowed(told));
    }

    #[test]
    fn anything_else_refuses_with_what_the_client_needs() {
        let entries = [
            (":status", "302"),
            ("location", "/login"),
            ("content-length", "7"),
            ("x-auth-user", "ann"),
            ("server", "s"),
        ];
        let headers = vec![("location".to_string(), "/login".to_string())];
        assert_eq!(verdict(&entries), Verdict::Refused(302, headers));
        assert_eq!(verdict(&[(":status", "503")]), Verdict::Refused(503, vec![]));
    }

    #[test]
    fn no_answer_is_none() {
        assert_eq!(verdict(&[]), Verdict::Unknown);
        assert_eq!(verdict(&[("x", "y")]), Verdict::Unknown);
        assert_eq!(verdict(&[(":status", "x")]), Verdict::Unknown);
        assert_eq!(verdict(&[(":status", "101")]), Verdict::Unknown);
    }
}
