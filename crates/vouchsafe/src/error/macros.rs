//! The two shapes that most errors have: a cause with a stable word, and an operation that failed for such a cause.

/// An enum of causes, each with its stable word.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$of:meta])* $cause:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of])* $cause,)*
        }

        impl $name {
            /// The stable code.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$cause => $word,)*
                }
            }

            #[allow(dead_code, reason = "not every such word is stored")]
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$cause),)*
                    _ => None,
                }
            }
        }
    };
}

/// An error with an operation, a cause and a detail: its variant, the function that makes it, and its message.
macro_rules! payload {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $(#[$of:meta])* $cause:ident: $kind:ident, }
        $variant:ident, $make:ident, $message:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            pub(crate) operation: super::Operation,
            pub(crate) $cause: $kind,
            pub(crate) detail: std::borrow::Cow<'static, str>,
        }

        impl $name {
            /// The operation that failed.
            pub fn operation(&self) -> super::Operation {
                self.operation
            }

            $(#[$of])*
            pub fn $cause(&self) -> $kind {
                self.$cause
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, $message, self.operation, self.detail)
            }
        }

        impl std::error::Error for $name {}

        impl super::Error {
            pub(crate) fn $make(
                operation: super::Operation,
                $cause: $kind,
                detail: impl Into<std::borrow::Cow<'static, str>>,
            ) -> Self {
                Self::$variant(Box::new($name { operation, $cause, detail: detail.into() }))
            }
        }
    };
}
