//! Closed lists of words: an enum, its words, and the way back from a word.
//!
//! Keeps: the words of `knowledge/facts.tsv`, once, beside the variant that they name. Drops: everything else; a word
//! that is not in the list has no variant, so it cannot be said.

/// Makes a closed enum with one fixed word a variant.
///
/// Variants are only ever appended: their position is their encoding.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $word, "`")] $variant,)+ }

        impl $name {
            /// Every variant, in the order of its encoding.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word that reports, rules and people use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The variant of a word, if it is in the list.
            #[must_use]
            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
