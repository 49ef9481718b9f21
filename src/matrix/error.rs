//! What can go wrong with a matrix.

use std::fmt;

/// An error of the matrix module; nothing was changed, and nothing made, by the call that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What sort of error it is.
    pub kind: ErrorKind,
    /// What is wrong, in words.
    pub message: String,
    /// Where in the input, in bytes from its begin, for input that was read.
    pub position: Option<u64>,
}

/// What sort of error an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument's value has no meaning.
    InvalidArgument,
    /// The input is not what it should be.
    Malformed,
    /// The input is larger than a limit allows.
    TooLarge,
}

impl Error {
    /// An argument's value has no meaning.
    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::InvalidArgument, message: message.into(), position: None }
    }

    /// The input is not what it should be.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Malformed, message: message.into(), position: None }
    }

    /// The input is larger than a limit allows.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::TooLarge, message: message.into(), position: None }
    }

    /// The same, with the byte at which it showed.
    pub(crate) fn at(self, position: usize) -> Self {
        Self { position: Some(position as u64), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::InvalidArgument => "invalid argument",
            ErrorKind::Malformed => "malformed",
            ErrorKind::TooLarge => "too large",
        };
        write!(f, "{what}: {}", self.message)?;
        self.position.map_or(Ok(()), |position| write!(f, " (at byte {position})"))
    }
}

impl std::error::Error for Error {}
