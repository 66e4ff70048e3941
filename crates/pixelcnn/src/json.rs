//! A strict JSON reader, and the one thing a writer needs: quoted strings.
//!
//! What kept parsers let pass is refused here: a key twice in one object, a lone surrogate, text after the value, deep
//! nesting. [`Reader`] pulls one value at a time and allocates nothing but strings that hold escapes, so that a hostile
//! header cannot grow in memory; [`Json`] is a tree built with it, for short texts.

use std::borrow::Cow;
use std::fmt;

/// Arrays and objects may lie this deep in each other.
pub const MAX_DEPTH: usize = 32;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as the text has it, so that no digit is lost.
    Number(String),
    /// A string, escapes decoded.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// Reads a text that holds one value.
    ///
    /// # Errors
    /// [`JsonError`] at the first offset that breaks a rule.
    pub fn parse(text: &str) -> Result<Json, JsonError> {
        let mut reader = Reader::new(text);
        let json = Json::read(&mut reader)?;
        reader.end()?;
        Ok(json)
    }

    fn read(reader: &mut Reader) -> Result<Json, JsonError> {
        Ok(match reader.peek() {
            Some(b'{') => {
                let mut members: Vec<(String, Json)> = Vec::new();
                reader.open(b'{')?;
                while let Some(key) = reader.key()? {
                    if members.iter().any(|(k, _)| *k == key) {
                        return Err(reader.duplicate(&key));
                    }
                    members.push((key.into_owned(), Json::read(reader)?));
                }
                Json::Object(Object(members))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                reader.open(b'[')?;
                while reader.item()? {
                    items.push(Json::read(reader)?);
                }
                Json::Array(items)
            }
            Some(b'"') => Json::String(reader.string()?.into_owned()),
            Some(b'-' | b'0'..=b'9') => Json::Number(reader.number()?.to_string()),
            _ => match reader.word()? {
                "null" => Json::Null,
                word => Json::Bool(word == "true"),
            },
        })
    }

    /// A few words that show the value in a message: scalars as they are, the rest by its kind.
    pub fn brief(&self) -> String {
        match self {
            Json::Null => "null".into(),
            Json::Bool(value) => value.to_string(),
            Json::Number(text) => clip(text),
            Json::String(text) => format!("\"{}\"", clip(text)),
            Json::Array(_) => "an array".into(),
            Json::Object(_) => "an object".into(),
        }
    }
}

/// The members of a JSON object, in the order of the text, each key once.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Vec<(String, Json)>);

impl Object {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// Why a text is not the JSON wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonError {
    /// What is wrong, as a clause.
    pub reason: String,
    /// Where, in bytes from the start of the text.
    pub offset: usize,
    /// The key, clipped, where the fault is that it came twice.
    pub duplicate: Option<String>,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.reason, self.offset)
    }
}

impl std::error::Error for JsonError {}

/// Pulls values out of a JSON text, one call each.
///
/// The caller says what must come next, and gets a [`JsonError`] where something else does. An object is read by
/// `open(b'{')` and then `key()` until it gives `None`, with one value read after each key; an array by `open(b'[')` and
/// `item()` until it gives `false`. Whether a key came before is for the caller to check: only it knows which keys it keeps.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    fresh: bool, // the last thing read was an opening bracket: no comma is due
}

impl<'a> Reader<'a> {
    /// Starts at the first value.
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0, fresh: false }
    }

    /// The first byte of what comes next, or `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Enters an array (`[`) or an object (`{`).
    pub fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("values are nested more than {MAX_DEPTH} deep")));
        }
        self.fresh = true;
        Ok(())
    }

    /// The next key of the object being read, or `None` at its end.
    pub fn key(&mut self) -> Result<Option<Cow<'a, str>>, JsonError> {
        if !self.another(b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether the array being read has another item.
    pub fn item(&mut self) -> Result<bool, JsonError> {
        self.another(b']')
    }

    /// A string, copied only where it holds escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let mut decoded: Option<String> = None;
        let mut start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => {
                    let rest = self.since(start);
                    self.at += 1;
                    return Ok(match decoded {
                        None => Cow::Borrowed(rest),
                        Some(text) => Cow::Owned(text + rest),
                    });
                }
                Some(b'\\') => {
                    // Escapes are longer than what they stand for: one allocation, no longer than the text.
                    let text = decoded.get_or_insert_with(|| String::with_capacity(self.until_quote() + self.at - start));
                    text.push_str(self.since(start));
                    self.at += 1;
                    let escaped = self.escape()?;
                    text.push(escaped);
                    start = self.at;
                }
                Some(0..=0x1f) => return Err(self.error("a string holds a control character".into())),
                Some(_) => self.at += 1,
                None => return Err(self.error("the text ends within a string".into())),
            }
        }
    }

    /// What was read since then. (Indexing would bring all that tells where a text was cut in the middle of a character.)
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).expect("what is read begins and ends with ASCII")
    }

    /// Bytes to the quote that ends the string being read, or to the end of the text.
    fn until_quote(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let mut at = 0;
        while at < rest.len() && rest[at] != b'"' {
            at += if rest[at] == b'\\' { 2 } else { 1 };
        }
        at.min(rest.len())
    }

    /// A number as the text has it.
    pub fn number(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        let mut valid = self.digits() > 0 && (self.at == whole + 1 || self.text.as_bytes()[whole] != b'0');
        if self.byte() == Some(b'.') {
            self.at += 1;
            valid &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            valid &= self.digits() > 0;
        }
        if !valid {
            self.at = start;
            return Err(self.error("a number was expected".into()));
        }
        Ok(self.since(start))
    }

    /// `null`, `true` or `false`.
    pub fn word(&mut self) -> Result<&'static str, JsonError> {
        self.peek();
        for word in ["null", "true", "false"] {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(word);
            }
        }
        Err(self.error("a JSON value was expected".into()))
    }

    /// Reads over a value of any kind, checking all but that keys are unique.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{') => {
                self.open(b'{')?;
                while self.key()?.is_some() {
                    self.skip()?;
                }
            }
            Some(b'[') => {
                self.open(b'[')?;
                while self.item()? {
                    self.skip()?;
                }
            }
            Some(b'"') => drop(self.string()?),
            Some(b'-' | b'0'..=b'9') => drop(self.number()?),
            _ => drop(self.word()?),
        }
        Ok(())
    }

    /// Checks that nothing but white space is left.
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("text follows the value".into())),
        }
    }

    /// An error at the present offset.
    pub fn error(&self, reason: String) -> JsonError {
        JsonError { reason, offset: self.at, duplicate: None }
    }

    /// The error for a key that its object had before.
    pub fn duplicate(&self, key: &str) -> JsonError {
        let key = clip(key);
        JsonError { duplicate: Some(key.clone()), ..self.error(format!("the key `{key}` comes twice")) }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.peek() != Some(wanted) {
            return Err(self.error(match wanted {
                b'"' => "a string was expected".into(),
                b'[' => "an array was expected".into(),
                b'{' => "an object was expected".into(),
                _ => format!("`{}` was expected", char::from(wanted)),
            }));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads the comma before the next member or item, if one is due, or the closing bracket.
    fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        if self.peek() == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if !fresh {
            if self.peek() != Some(b',') {
                return Err(self.error(format!("`,` or `{}` was expected", char::from(close))));
            }
            self.at += 1;
        }
        Ok(true)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        self.at - start
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let escape = self.byte();
        self.at += 1;
        Ok(match escape {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = self.hex4()?;
                if (0xd800..0xdc00).contains(&code) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.hex4()?;
                    // A low half outside its range leaves the code in the surrogates, which are no chars.
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    }
                }
                char::from_u32(code).ok_or_else(|| self.error("a string holds half of a surrogate pair".into()))?
            }
            _ => {
                self.at -= 1;
                return Err(self.error("a string holds an escape that JSON does not have".into()));
            }
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.error("`\\u` was not followed by four hexadecimal digits".into()));
        }
        self.at += 4;
        Ok(digits.iter().fold(0, |code, &d| code * 16 + char::from(d).to_digit(16).expect("checked above")))
    }
}

/// Text from outside as a message may show it: short, and without control characters, which a terminal would obey.
pub fn clip(text: &str) -> String {
    const LONGEST: usize = 60; // bytes
    let mut clipped = String::new();
    for c in text.chars() {
        if clipped.len() >= LONGEST {
            clipped.push('…');
            break;
        }
        clipped.extend(c.escape_debug());
    }
    clipped
}

/// A list of numbers, which is a JSON literal, too. `{:?}` says the same, and brings what can indent it.
pub(crate) struct Numbers<'a, T>(pub &'a [T]);

impl<T: fmt::Display> fmt::Display for Numbers<'_, T> {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("[")?;
        for (number, item) in self.0.iter().enumerate() {
            to.write_str(if number > 0 { ", " } else { "" })?;
            item.fmt(to)?;
        }
        to.write_str("]")
    }
}

/// A short string as a JSON literal, quotes included.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_quoted(&mut quoted, text).expect("a String takes what it is given");
    quoted
}

/// Writes a string as a JSON literal, quotes included.
pub fn write_quoted(to: &mut impl fmt::Write, text: &str) -> fmt::Result {
    to.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => to.write_str("\\\"")?,
            '\\' => to.write_str("\\\\")?,
            '\0'..='\x1f' => write!(to, "\\u{:04x}", u32::from(c))?,
            _ => to.write_char(c)?,
        }
    }
    to.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_value() {
        let text = " { \"a\" : [ 1 , -2.5e+3 , true , false , null , \"x\" , [ ] , { } ] , \"b\" : { \"a\" : 0 } } ";
        let Ok(Json::Object(object)) = Json::parse(text) else { panic!("an object") };
        assert_eq!(object.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b"]);
        let number = |text: &str| Json::Number(text.into());
        let empty = (Json::Array(vec![]), Json::Object(Object(vec![])));
        assert_eq!(
            object.get("a"),
            Some(&Json::Array(vec![
                number("1"),
                number("-2.5e+3"),
                Json::Bool(true),
                Json::Bool(false),
                Json::Null,
                Json::String("x".into()),
                empty.0,
                empty.1
            ]))
        );
        assert_eq!(object.get("c"), None);
    }

    #[test]
    fn refuses_what_is_not_json() {
        for (text, reason, offset) in [
            ("", "value was expected", 0),
            ("[1,]", "value was expected", 3),
            ("[,1]", "value was expected", 1),
            ("[1 2]", "`,` or `]`", 3),
            ("{\"a\":1,}", "a string was expected", 7),
            ("{\"a\" 1}", "`:` was expected", 5),
            ("{a:1}", "a string was expected", 1),
            ("{\"a\":1]", "`,` or `}`", 6),
            ("[1", "`,` or `]`", 2),
            ("1 2", "text follows", 2),
            ("nul", "value was expected", 0),
            ("NaN", "value was expected", 0),
            ("+1", "value was expected", 0),
            ("01", "a number was expected", 0),
            ("-", "a number was expected", 0),
            ("1.", "a number was expected", 0),
            ("1e", "a number was expected", 0),
            ("\"", "ends within a string", 1),
            ("\"\n\"", "control character", 1),
            (r#""\x""#, "an escape", 2),
            (r#""\"#, "an escape", 2),
            (r#""\u12"#, "four hexadecimal digits", 3),
            (r#""\u+123""#, "four hexadecimal digits", 3),
            (r#""\ud800""#, "surrogate", 7),
            (r#""\udc00""#, "surrogate", 7),
            (r#""\ud800\ud800""#, "surrogate", 13),
            ("\u{feff}1", "value was expected", 0),
        ] {
            let error = Json::parse(text).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert_eq!(error.duplicate, None);
        }
    }

    #[test]
    fn refuses_a_key_twice_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"c":2,"\u0061":2}}]"#] {
            assert_eq!(Json::parse(text).unwrap_err().duplicate.as_deref(), Some("a"));
        }
    }

    #[test]
    fn nesting_ends_in_an_error() {
        let nested = |depth: usize| Json::parse(&("[".repeat(depth) + &"]".repeat(depth)));
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).unwrap_err().reason.contains("nested"));
        assert!(Json::parse(&"[{\"a\":".repeat(100_000)).unwrap_err().reason.contains("nested"));
    }

    #[test]
    fn skip_checks_what_parse_checks_but_keys() {
        for (text, ok) in [("{\"a\":[1,{\"b\":null}],\"a\":true}", true), ("[1,]", false), ("{\"a\":1", false), ("tru", false)] {
            assert_eq!(Reader::new(text).skip().is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn a_quoted_string_reads_back() {
        let text: String = (0..0x500).chain(0x1f600..0x1f610).filter_map(char::from_u32).collect();
        assert_eq!(Json::parse(&quote(&text)), Ok(Json::String(text)));
        assert_eq!(Json::parse(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#), Ok(Json::String("\"\\/\u{8}\u{c}\n\r\té😀".into())));
    }

    #[test]
    fn a_message_shows_little_and_no_control_characters() {
        assert_eq!(clip("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(clip(&"é".repeat(1000)), "é".repeat(30) + "…");
        assert_eq!(clip(&"a".repeat(60)), "a".repeat(60));
        assert!(clip(&"\u{7f}".repeat(1000)).len() < 80);
        assert_eq!(Json::parse("[1]").unwrap().brief(), "an array");
        assert_eq!(Json::parse("\"no\"").unwrap().brief(), "\"no\"");
        assert_eq!(Json::parse("1e300").unwrap().brief(), "1e300");
    }
}
