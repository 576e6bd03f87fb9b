//! JSON (RFC 8259), read to the last byte: small, bounded, and without any code of the codecs.

use crate::allow::Refused;

/// Nesting that is followed.
const DEPTH_MAX: usize = 8;
/// Digits of a number that a floating-point number of 64 bits holds exactly.
const DIGITS_MAX: usize = 15;

/// A value. Numbers are kept as they are written: nothing here counts with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Json {
    Null,
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The only field of this name; `None` when there is none or more than one.
    pub(crate) fn field(&self, name: &str) -> Option<&Json> {
        let Self::Object(fields) = self else { return None };
        let mut found = fields.iter().filter(|(key, _)| key == name);
        found.next().filter(|_| found.next().is_none()).map(|(_, value)| value)
    }

    /// The text of a field.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a field.
    pub(crate) fn list(&self, name: &str) -> Option<&[Json]> {
        match self.field(name)? {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether every field has one of these names, and none stands twice.
    pub(crate) fn has_only(&self, names: &[&str]) -> bool {
        let Self::Object(fields) = self else { return false };
        fields.iter().all(|(key, _)| names.contains(&key.as_str()) && self.field(key).is_some())
    }
}

/// Read one value that fills the bytes.
///
/// # Errors
/// When they are anything else.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, Refused> {
    let text = core::str::from_utf8(bytes).map_err(|_| Refused::Malformed("not UTF-8"))?;
    let mut reader = Reader { rest: text };
    let value = reader.value(0).ok_or(Refused::Malformed("not JSON"))?;
    reader.skip();
    if reader.rest.is_empty() { Ok(value) } else { Err(Refused::Malformed("something behind the message")) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Take this text, if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip();
        match self.rest.bytes().next().filter(|_| depth < DEPTH_MAX)? {
            b'{' => self.object(depth),
            b'[' => self.elements(depth),
            b'"' => self.string().map(Json::Text),
            b't' => self.eat("true").then_some(Json::Flag(true)),
            b'f' => self.eat("false").then_some(Json::Flag(false)),
            b'n' => self.eat("null").then_some(Json::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut fields = Vec::new();
        self.eat("{").then_some(())?;
        self.skip();
        if self.eat("}") {
            return Some(Json::Object(fields));
        }
        loop {
            self.skip();
            // An escaped name could read otherwise at the peer than it does here.
            let key = self.string().filter(|key| !key.contains('\\'))?;
            self.skip();
            self.eat(":").then_some(())?;
            fields.push((key, self.value(depth + 1)?));
            self.skip();
            if self.eat("}") {
                return Some(Json::Object(fields));
            }
            self.eat(",").then_some(())?;
        }
    }

    fn elements(&mut self, depth: usize) -> Option<Json> {
        let mut elements = Vec::new();
        self.eat("[").then_some(())?;
        self.skip();
        if self.eat("]") {
            return Some(Json::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.skip();
            if self.eat("]") {
                return Some(Json::List(elements));
            }
            self.eat(",").then_some(())?;
        }
    }

    /// A string; escapes are left as they are, since nothing that is compared needs one. Halves of
    /// surrogate pairs are refused: some readers take them, some do not, and no writer of ours needs one.
    fn string(&mut self) -> Option<String> {
        self.eat("\"").then_some(())?;
        let mut text = String::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => {
                    let (_, escaped) = letters.next()?;
                    matches!(escaped, '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u').then_some(())?;
                    text.push('\\');
                    text.push(escaped);
                    if escaped == 'u' {
                        let digits = letters.as_str().get(..4)?;
                        is_code_point(digits).then_some(())?;
                        text.push_str(digits);
                        letters.nth(3)?;
                    }
                }
                control if control < ' ' => return None,
                other => text.push(other),
            }
        }
        None
    }

    /// An integer that every reader holds exactly: no message of ours has another number.
    fn number(&mut self) -> Option<Json> {
        let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let digits = number.strip_prefix('-').unwrap_or(number);
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let is_written_so = digits == "0" || !digits.starts_with('0');
        (is_plain && is_written_so && (1..=DIGITS_MAX).contains(&digits.len())).then_some(())?;
        self.rest = rest;
        Some(Json::Number(number.to_owned()))
    }
}

/// Whether four hexadecimal digits are a code point by themselves.
fn is_code_point(digits: &str) -> bool {
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal && u32::from_str_radix(digits, 16).is_ok_and(|code| char::from_u32(code).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_to_the_last_byte() {
        let value = parse(br#" {"a": [1, "x\"", null, true], "b": {}} "#).expect("reads");
        assert_eq!(value.list("a").map(<[Json]>::len), Some(4));
        assert_eq!(value.field("b"), Some(&Json::Object(vec![])));
        assert!(value.has_only(&["a", "b"]) && !value.has_only(&["a"]));
        for wrong in
            ["", "{", "[1,]", "{\"a\"}", "nul", "\"a", "{} {}", "\"\u{1}\"", "[[[[[[[[[1]]]]]]]]]", "-"]
        {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn x8_what_readers_disagree_about_is_refused() {
        for right in [r#""\u00e9\n""#, r#""\uD7FF""#, "0", "-7", "123456789012345"] {
            assert!(parse(right.as_bytes()).is_ok(), "{right}");
        }
        for wrong in [
            r#""\u""#,
            r#""\u12""#,
            r#""\u12g4""#,
            r#""\u+123""#,
            r#""\u00é""#,
            r#""\ud800""#,
            r#""\ud83d\ude00""#,
            "01",
            "-0x",
            "1.5",
            "1e999",
            "+1",
            "--1",
            "1234567890123456",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_none() {
        let value = parse(br#"{"a": "1", "a": "2"}"#).expect("reads");
        assert_eq!((value.text("a"), value.has_only(&["a"])), (None, false));
    }

    proptest! {
        #[test]
        fn x8_no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn x8_no_text_makes_the_reader_panic(text in "[\\[\\]{}\",:\\\\a-c0-9ü ]{0,60}") {
            let _ = parse(text.as_bytes());
        }
    }
}
