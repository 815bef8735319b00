//! Reading small texts: a cursor over bytes, and the error that says where it stopped.

use std::error::Error;
use std::fmt;

/// Why a list of CPUs or places could not be read, and where.
///
/// ```
/// use ringpool_affinity::Places;
///
/// let error = "{0:4".parse::<Places>().unwrap_err();
/// assert_eq!(error.position(), 4);
/// assert_eq!(error.to_string(), "cannot read \"{0:4\" at position 4 (its end): expected `,` or `}`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    position: usize,
    problem: &'static str,
}

impl ParseError {
    /// How many bytes of the text were read before the fault.
    ///
    /// ```
    /// let error = "0-3,x".parse::<ringpool_affinity::CpuSet>().unwrap_err();
    /// assert_eq!(error.position(), 4);
    /// ```
    pub fn position(&self) -> usize {
        self.position
    }

    /// The text that could not be read.
    ///
    /// ```
    /// let error = "0-3,x".parse::<ringpool_affinity::CpuSet>().unwrap_err();
    /// assert_eq!(error.text(), "0-3,x");
    /// ```
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.text.get(self.position..).unwrap_or_default();
        write!(
            f,
            "cannot read {:?} at position {} ",
            self.text, self.position
        )?;
        match rest.chars().next() {
            Some(found) => write!(f, "({found:?}): {}", self.problem),
            None => write!(f, "(its end): {}", self.problem),
        }
    }
}

impl Error for ParseError {}

/// A position in a text. White space between tokens is skipped.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut cursor = Self { text, at: 0 };
        cursor.skip_space();
        cursor
    }

    fn skip_space(&mut self) {
        while self.rest().starts_with(|c: char| c.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn rest(&self) -> &'a str {
        // Only ASCII is ever stepped over, so the position is the start of a character.
        &self.text[self.at..]
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn sees(&self, token: char) -> bool {
        self.rest().starts_with(token)
    }

    pub(crate) fn sees_digit(&self) -> bool {
        self.rest().starts_with(|c: char| c.is_ascii_digit())
    }

    /// Steps over an ASCII character if it comes next.
    pub(crate) fn eats(&mut self, token: char) -> bool {
        debug_assert!(token.is_ascii());
        let seen = self.sees(token);
        if seen {
            self.at += 1;
            self.skip_space();
        }
        seen
    }

    /// Steps over the letters and underscores that come next.
    pub(crate) fn word(&mut self) -> &'a str {
        self.take_while(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    }

    fn take_while(&mut self, wanted: fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| wanted(*byte)).count();
        self.at += length;
        self.skip_space();
        &rest[..length]
    }

    pub(crate) fn number(&mut self) -> Result<usize, ParseError> {
        let start = self.at;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.fault_at(start, "expected a number"));
        }
        digits
            .parse()
            .map_err(|_| self.fault_at(start, "the number is too large"))
    }

    /// A number of at least one.
    pub(crate) fn count(&mut self) -> Result<usize, ParseError> {
        let start = self.at;
        match self.number()? {
            0 => Err(self.fault_at(start, "expected at least 1")),
            count => Ok(count),
        }
    }

    /// A number that may have a sign.
    pub(crate) fn signed(&mut self) -> Result<isize, ParseError> {
        let start = self.at;
        let negative = self.eats('-');
        if !negative {
            self.eats('+');
        }
        let size = isize::try_from(self.number()?)
            .map_err(|_| self.fault_at(start, "the number is too large"))?;
        Ok(if negative { -size } else { size })
    }

    pub(crate) fn fault(&self, problem: &'static str) -> ParseError {
        self.fault_at(self.at, problem)
    }

    pub(crate) fn fault_at(&self, position: usize, problem: &'static str) -> ParseError {
        ParseError {
            text: self.text.to_owned(),
            position,
            problem,
        }
    }
}
